"""Everything about a mesh that somebody who was not there needs to see, in one archive and without secrets."""
