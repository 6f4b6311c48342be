"""The button beside a prompt that has the text encoder write it out: a few words become one as the model knows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtGui import QTextCursor

from engine.protocol.messages import Enhanced, EnhancePrompt, Event
from ltxdesktop.ui.parts import IconButton
from ltxdesktop.ui.prompt_field import PromptField
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look

NAME = "Enhance: have the model write the prompt out"
WAITING = "The prompt is being written out; a job that runs is done first"
TOLD = "The prompt is written out. Ctrl+Z in it brings your words back."
CHANGED = "The prompt was changed while it was being written out, so it stays as it is."
NO_WORDS = "Write a few words first: they are what is written out."
NOT_HERE = "Nothing on this machine can write a prompt out."


class EnhanceButton(IconButton):
    """Shown where something on this machine can do it: words never leave for it. Off without words, and while asked."""

    def __init__(self, look: Look, prompt: PromptField, question: Callable[[], EnhancePrompt], keys: str = "") -> None:
        """`question` has the panel's words as they are when it's called; `keys` as Qt writes them, for the tooltip."""
        super().__init__(look, "wand", NAME)
        self._prompt, self._question, self._keys = prompt, question, keys
        self._session: EngineSession | None = None
        self._say: Callable[[str], object] | None = None
        self._waits = False
        self.hide()
        prompt.textChanged.connect(self._look_again)
        self.clicked.connect(self.enhance)
        self._look_again()

    def use(self, session: EngineSession, say: Callable[[str], object]) -> None:
        """Ask this engine; `say` shows the person a sentence."""
        self._session, self._say = session, say
        session.capabilities_changed.connect(self._show_possible)
        session.view_changed.connect(self._follow_engine)
        self._show_possible()

    def show_keys(self, keys: str) -> None:
        """The command has this key now."""
        self._keys = keys
        self._look_again()

    def enhance(self) -> None:
        """What a click does, or the command's key; where it can't be done, it's said why."""
        if self._session is None or self._say is None:
            return
        if why_not := self._why_not():
            self._say(why_not)
            return
        question = self._question()
        self._wait(on=True)
        self._session.ask(question, partial(self._take, question.prompt), self._fail)

    def _why_not(self) -> str:
        if self.isHidden():
            return NOT_HERE
        if self._waits:
            return WAITING
        return "" if self.isEnabled() else NO_WORDS

    def _show_possible(self) -> None:
        told = self._session.backends if self._session is not None else ()
        self.setVisible(any(each.available and each.enhances and not each.remote for each in told))

    def _follow_engine(self) -> None:
        """An engine that went answers nothing more."""
        if self._waits and self._session is not None and self._session.view.life != "ready":
            self._wait(on=False)

    def _take(self, sent: str, reply: Event) -> None:
        self._wait(on=False)
        if not isinstance(reply, Enhanced) or self._say is None:
            return
        if self._prompt.toPlainText() != sent:
            self._say(CHANGED)
            return
        cursor = QTextCursor(self._prompt.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(reply.prompt)  # one step, which Ctrl+Z takes back
        self._say(TOLD)

    def _fail(self, words: str) -> None:
        self._wait(on=False)
        if self._say is not None:
            self._say(words)

    def _wait(self, *, on: bool) -> None:
        self._waits = on
        self._look_again()

    def _look_again(self) -> None:
        self.setEnabled(not self._waits and bool(self._prompt.toPlainText().strip()))
        self.set_words(WAITING if self._waits else NAME, self._keys)
