"""The mesh as one page and as one picture: what ``tether report`` and ``tether topology`` show."""
