"""Labels that a run of the engine is to give the containers, volumes and networks that it makes."""

import os

from tether.environments import labels
from tether_provider.errors import ProviderError


def wanted() -> dict[str, str]:
    """Labels that this run of the engine is to give what it makes; none where nobody asked for any.

    Raises:
        ProviderError: the variable does not hold labels.
    """
    try:
        return labels.decode(os.environ.get(labels.VARIABLE, ""))
    except ValueError as error:
        raise ProviderError(
            f"{labels.VARIABLE} holds no labels ({error}) — containers could not be told apart — "
            f"Take it away: unset {labels.VARIABLE}"
        ) from None
