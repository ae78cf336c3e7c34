"""What the client's words mean."""

from tether.testing import calls

# As the client prints it: istio/istio pkg/test/echo/server/forwarder/http.go.
TWO = """\
[0] Url=http://stock/
[0] SourceIP=10.1.0.7
[0] Latency=2.5ms
[0] StatusCode=200
[0] ResponseHeader=Content-Type:text/plain; charset=utf-8
[0] ResponseHeader=Server:envoy
[0 body] Cluster=cluster2
[0 body] [1] StatusCode=500
[1] Url=http://stock/
[1] StatusCode=503
[1 body] upstream connect error
"""


def read(output: str, requests: int = 2) -> calls.Calls:
    return calls.read("http://stock/", "cluster1", requests, output)


def test_status_headers_and_body_of_each_answer_are_read() -> None:
    first, second = read(TWO).answers
    assert (first.status, first.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert first.body == "Cluster=cluster2\n[1] StatusCode=500"
    assert second.status == 503


def test_a_round_is_good_if_all_of_it_was_answered_well() -> None:
    assert not read(TWO).ok
    assert read(TWO.partition("[1] Url")[0], requests=1).ok
    assert not read(TWO.partition("[1] Url")[0], requests=2).ok


def test_a_round_says_what_came_of_it() -> None:
    said = (
        "2 requests to http://stock/ from cluster1: 1 answered with 200, 1 answered with 503 (upstream connect error)"
    )
    assert str(read(TWO)) == said
    assert read(TWO).statuses == {200: 1, 503: 1}


def test_a_client_that_gave_up_is_no_answer() -> None:
    found = calls.failure("http://stock/", "cluster1", 3, "Error: 2/3 requests had errors; first error: EOF")
    assert (found.ok, found.failed, found.answers) == (False, 2, ())
    assert "2 not answered: EOF" in str(found)


def test_headers_with_commas_stay_one_header() -> None:
    words = calls.command("http://stock/", 10, 5.2, method="POST", headers={"accept": 'text/html, "x"', "a": "b"})
    assert words[-1] == "http://stock/"
    assert words[words.index("--method") + 1] == "POST"
    headers = [words[place + 1] for place, word in enumerate(words) if word == "--header"]
    assert headers == ['"accept: text/html, ""x"""', "a: b"]
