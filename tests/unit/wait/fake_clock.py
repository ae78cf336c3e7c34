import threading


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float, cancel: threading.Event) -> bool:
        self.slept.append(seconds)
        self.time += seconds
        return cancel.is_set()
