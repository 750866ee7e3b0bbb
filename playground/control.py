"""The people's side over HTTP: POST /play/<what> with a JSON object, GET /play/events, /play/state, /play/messages.

`playground.guard` says who may call it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from playground import wire
from playground.arguments import Upload
from playground.faults import Fault, FaultKind
from playground.flood import FloodLimits
from playground.guard import answer, guarded, to_json
from playground.messages import Message
from playground.people import Person, Status
from playground.queries import CALLBACK_SECONDS
from playground.view import Welcome, chat_json, event_json, message_json, state_json
from playground.world import World

MAX_WAIT_SECONDS = 60.0

Body = Mapping[str, Any]


class Control:
    """Answers /play/ for one World."""

    def __init__(self, world: World, welcome: Welcome) -> None:
        """Name every act and what does it."""
        self._world = world
        self._welcome = welcome
        self._acts: dict[str, Callable[[Body], object]] = {
            "person": self._person,
            "chat": self._chat,
            "topic": self._topic,
            "say": self._say,
            "edit": lambda body: self._json(world.edit(self._message(body), body["text"])),
            "forward": self._forward,
            "upload": self._upload,
            "react": lambda body: world.react(
                self._who(body), self._message(body), body.get("emoji")
            ),
            "delete": lambda body: world.delete(self._who(body), self._message(body)),
            "status": lambda body: world.set_status(
                self._who(body), body["chat"], Status(body["status"])
            ),
            "allow_sending": lambda body: world.allow_sending(body["chat"], bool(body["allowed"])),
            "remove_topic": lambda body: world.remove_topic(body["chat"], body["thread"]),
            "migrate": lambda body: wire.chat_json(world.migrate(body["chat"])),
            "revoke_token": lambda _: world.revoke_token(),
            "restore_token": lambda _: world.restore_token(),
            "flood": lambda body: world.limit(FloodLimits() if body["on"] else None),
            "privacy": self._privacy,
            "fault": self._fault,
            "clear_faults": lambda _: world.faults.clear(),
        }

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add what is served below /play/."""
        router.add_get("/play/events", guarded(self._events))
        router.add_get("/play/state", guarded(self._state))
        router.add_get("/play/messages", guarded(self._messages))
        router.add_post("/play/{act}", guarded(self._act))

    async def _act(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            return answer(415, {"error": "send application/json"})
        name = request.match_info["act"]
        try:
            body = json.loads(await request.read() or b"{}")
            if name == "press":
                return answer(200, await self._press(body))
            if name not in self._acts:
                return answer(404, {"error": f"there is no act {name!r}"})
            return answer(200, self._acts[name](body))
        except (KeyError, TypeError, ValueError, AttributeError) as mistake:
            return answer(400, {"error": f"{type(mistake).__name__}: {mistake}"})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Answer the events behind ?after=N: as a stream where that is accepted, else as JSON.

        ?wait=SECONDS waits for the first.
        """
        try:
            after = int(request.query.get("after", request.headers.get("Last-Event-ID", "0")))
            wait = min(float(request.query.get("wait", "0")), MAX_WAIT_SECONDS)
        except ValueError:
            return answer(400, {"error": "after and wait are numbers"})
        log = self._world.state.log
        if "text/event-stream" not in request.headers.get("Accept", ""):
            found = await log.wait(after, wait) if wait > 0 else log.after(after)
            return answer(200, [event_json(self._world.state, event) for event in found])
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        async for event in log.follow(after):
            data = to_json(event_json(self._world.state, event))
            try:
                await stream.write(f"id: {event.number}\ndata: {data}\n\n".encode())
            except ConnectionError:
                break
        return stream

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        state = self._world.state
        found = state_json(state, self._welcome) | {"last_event": state.log.last_number}
        return answer(200, found)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        try:
            messages = self._world.messages(int(request.query["chat"]))
        except (KeyError, ValueError):
            return answer(400, {"error": "chat is the id of a chat"})
        return answer(200, [self._json(message) for message in messages])

    def _person(self, body: Body) -> wire.Json:
        made = self._world.person(body["first_name"], username=body.get("username"))
        return wire.person_json(made)

    def _chat(self, body: Body) -> wire.Json:
        members = [
            (self._who(member), Status(member.get("status", "member")))
            for member in body.get("members", [])
        ]
        kind, title, bot = body["type"], body.get("title", ""), body.get("bot", "member")
        if kind == "private":
            made = self._world.private(self._who(body))
        elif kind == "group":
            made = self._world.group(title, members, bot=bot)
        elif kind == "supergroup":
            forum = bool(body.get("forum", False))
            made = self._world.supergroup(title, members, forum=forum, bot=bot)
        elif kind == "channel":
            made = self._world.channel(title, members, bot=body.get("bot", "administrator"))
        else:
            raise ValueError(f"there is no chat of type {kind!r}")
        return chat_json(made)

    def _topic(self, body: Body) -> wire.Json:
        chat = self._world.chat(body["chat"])
        topic = self._world.topic(self._who(body), chat, body["name"])
        return {"message_thread_id": topic.id, "name": topic.name}

    def _say(self, body: Body) -> wire.Json:
        chat, text = body["chat"], body["text"]
        if body.get("anonymous"):
            return self._json(self._world.say_anonymously(chat, text))
        if "channel" in body:
            channel = self._world.chat(body["channel"])
            if channel.id == chat:
                return self._json(self._world.post(chat, text))
            return self._json(self._world.say_as_channel(channel, chat, text))
        reply_to, thread = body.get("reply_to"), body.get("thread")
        who = self._who(body)
        return self._json(self._world.say(who, chat, text, reply_to=reply_to, thread=thread))

    def _forward(self, body: Body) -> wire.Json:
        who, message = self._who(body), self._message(body)
        thread = body.get("thread")
        return self._json(self._world.forward(who, message, body["to"], thread=thread))

    def _upload(self, body: Body) -> wire.Json:
        try:
            data = base64.b64decode(body["data"], validate=True)
        except binascii.Error:
            raise ValueError("data is base64") from None
        caption = body.get("caption", "")
        file = Upload(body["name"], "application/octet-stream", data, caption=caption)
        who, chat = self._who(body), body["chat"]
        return self._json(self._world.send(who, chat, file, thread=body.get("thread")))

    async def _press(self, body: Body) -> object:
        wait = min(float(body.get("wait", CALLBACK_SECONDS)), MAX_WAIT_SECONDS)
        given = await self._world.press(
            self._who(body), self._message(body), body["button"], wait_seconds=wait
        )
        if given is None:
            return None
        return {"text": given.text, "show_alert": given.alert, "url": given.url}

    def _privacy(self, body: Body) -> None:
        self._world.state.privacy = bool(body["on"])

    def _fault(self, body: Body) -> None:
        self._world.faults.add(
            Fault(
                body["method"],
                FaultKind(body["kind"]),
                times=int(body.get("times", 1)),
                status=int(body.get("status", 500)),
                body=str(body.get("body", "")).encode(),
                content_type=body.get("content_type", "application/json"),
                seconds=float(body.get("seconds", 0)),
            )
        )

    def _who(self, body: Body) -> Person:
        person = self._world.state.people.get(body["person"])
        if person is None:
            raise ValueError("there is no such person")
        return person

    def _message(self, body: Body) -> Message:
        message = self._world.message(body["chat"], body["message"])
        if message is None:
            raise ValueError("there is no such message")
        return message

    def _json(self, message: Message) -> wire.Json:
        return message_json(self._world.state, message)
