"""Who plays in the demo, where, and what the page tells a newcomer."""

from __future__ import annotations

from dataclasses import dataclass

from playground.chats import Chat
from playground.people import Person
from playground.view import Welcome
from playground.world import World

TOPIC = "Greeter"
WELCOME = (
    "Give me a task for a repo with /run: an agent works on it in a sandbox, and I tell you how it "
    "ended. The repo demo is here to try it on."
)
EXAMPLES = (
    '/run demo "add a farewell to the greeter"',
    "/run demo ask me, then add a farewell",
    "/run demo wait 20",
    "/jobs",
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The people by what they may do, as the bot's config names it; the stranger stands in no config."""

    admin: Person
    runner: Person
    viewer: Person
    stranger: Person
    team: Chat

    def roles(self) -> dict[int, str]:
        """Return the config's `people`: roles by id."""
        return {self.admin.id: "admin", self.runner.id: "runner", self.viewer.id: "viewer"}

    def welcome(self) -> Welcome:
        """Return what the page tells a newcomer."""
        notes = {**self.roles(), self.stranger.id: "stranger"}
        return Welcome(WELCOME, EXAMPLES, tuple(notes.items()))


def gather(world: World) -> Cast:
    """Make the people, their group with a topic, and everybody's private chat with the bot."""
    admin, runner, viewer, stranger = (
        world.person(name) for name in ("You", "Rita", "Victor", "Sam")
    )
    members = [(admin, "creator"), (runner, "member"), (viewer, "member"), (stranger, "member")]
    team = world.supergroup("Team", members, forum=True)
    world.topic(admin, team, TOPIC)
    for person in (admin, runner, viewer, stranger):
        world.private(person)
    return Cast(admin, runner, viewer, stranger, world.chat(team))
