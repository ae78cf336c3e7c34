"""Every check, in the order in which a mesh comes to be: the first that is wrong is the cause."""

from tether.doctor import after, authority, before, data, inject, leadership, link, refusal, room

CHECKS = (
    *before.CHECKS,
    *authority.CHECKS,
    *link.CHECKS,
    *leadership.CHECKS,
    *inject.CHECKS,
    *data.CHECKS,
    *refusal.CHECKS,
    *after.CHECKS,
    *room.CHECKS,
)
