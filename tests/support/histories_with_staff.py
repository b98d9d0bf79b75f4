"""Random histories in which staff hold orders, write notes, mark orders time-critical and have messages sent again."""

from models.customers import MailKind
from models.enums import Channel
from models.errors import ForewarnError
from tasks.desk.acts.send_again import load_last_message, queue_words, write_again
from tasks.desk.acts.subject import load_act_order
from tasks.notices.notes import add_note, withdraw_note
from tasks.orders.instructions import hold_order, mark_critical, release_order, unmark_critical
from tests.support.histories import SETTLING_DAYS, History
from tests.support.history_judge import Departure, Judge

ASKED = (MailKind.AGAIN, MailKind.NOTE)


class StaffJudge(Judge):
    """Judges also what staff asked for: nothing of a held order, each note once, nothing again unasked."""

    def __init__(self, shop, clock):
        super().__init__(shop, clock)
        self.held: set[str] = set()
        self.notes: dict[str, str] = {}
        """The order of each note, by its words."""
        self.withdrawn: set[str] = set()
        self.asked: list[str] = []
        """The ids of messages that a named person asked for."""
        self.read: dict[str, set[tuple[str, int]]] = {}
        """The orders and revisions of the messages that arrived with a note."""

    def leaves(self, message):
        if message.category not in ASKED:
            departure = super().leaves(message)
        else:
            departure = Departure("", "", None)
            if message.id not in self.asked:
                self._break("nobody asked for it", "?", message.id)
            self.note(f"leaves again: {message.to}")
        if departure.order in self.held:
            self._break("held", departure.order, message.subject or message.text)
        return departure

    def takes(self, message, departure, *, again):
        if message.category in ASKED:
            if again:
                self._break("the same message twice", "?", message.id)
            return
        super().takes(message, departure, again=again)
        for note, order in self.notes.items():
            if note in message.text:
                self.read.setdefault(note, set()).add((departure.order, departure.knows.revision))
                if note in self.withdrawn or order != departure.order or len(self.read[note]) > 1:
                    self._break("a note where it does not belong", departure.order, note)


class HistoryWithStaff(History):
    """A history in which staff act."""

    def __init__(self, url, seed, days=20):
        super().__init__(url, seed, days)
        self.judge = StaffJudge(self.shop, self.clock)
        self.provider.judge = self.judge
        self.acts: list[str] = []
        self._notes: dict[str, str] = {}

    def run(self):
        super().run()
        waits = {note for note in self.judge.notes if note not in self.judge.read} - self.judge.withdrawn
        self.acts.append(f"{len(self.judge.read)} notes read, {len(waits)} wait")

    def _live(self, n):
        if n % 2:
            self._at(n, 4)
            self._act(n)
        if n == self.days - 1:
            self._release_all()
        super()._live(n)

    def _live_calmly(self, n):
        if n == self.days + SETTLING_DAYS - 1:
            self._release_all()
        super()._live_calmly(n)

    def _release_all(self):
        for order in sorted(self.judge.held):
            with self.shop.context.engine.begin() as connection:
                release_order(connection, order, self._today)
        self.judge.held.clear()

    @property
    def _today(self):
        return self.clock.now.astimezone(self.shop.context.zone).date()

    def _act(self, n):
        order = self.rng.choice(self.shop.system.all("orders"))["id"]
        act = self.rng.choice([self._hold, self._hold, self._note, self._note, self._critical, self._again])
        try:
            with self.shop.context.engine.begin() as connection:
                done = act(connection, order)
        except ForewarnError as error:
            done = f"refused: {error}"
        self.acts.append(act.__name__)
        self.judge.note(f"Mara, {act.__name__.strip('_')} {order}: {done}")

    def _hold(self, connection, order):
        if order in self.judge.held:
            release_order(connection, order, self._today)
            self.judge.held.discard(order)
            return "released"
        waiting = hold_order(connection, order, self.clock.now, "Mara")
        self.judge.held.add(order)
        return f"held, {waiting} wait"

    def _note(self, connection, order):
        waiting = [note for note, key in self._notes.items() if self.judge.notes[note] == order and key]
        if waiting and self.rng.random() < 0.4:
            taken = withdraw_note(connection, self._notes[waiting[-1]], self.clock.now)
            self.judge.withdrawn |= {waiting[-1]} if taken else set()
            return f"taken back: {taken}"
        text = f"Note number {len(self.judge.notes)} of Mara, end."
        self._notes[text] = add_note(connection, order, text, self.clock.now, "Mara")
        self.judge.notes[text] = order
        return text

    def _critical(self, connection, order):
        try:
            mark_critical(connection, order, self.clock.now, "Mara", self._today)
        except ForewarnError:
            unmark_critical(connection, order, self._today)
            return "not any more"
        return "marked"

    def _again(self, connection, order):
        context = self.shop.context.with_run("desk", self._today, self.clock.now)
        found = load_act_order(context, connection, order)
        last = load_last_message(context, connection, found)
        if last is None:
            return "there is none"
        channel = self.rng.choice([Channel.EMAIL, Channel.EMAIL, Channel.SMS])
        new = "another@example.com" if channel is Channel.EMAIL else ""
        words = write_again(context, connection, found, last, channel, new)
        self.judge.asked.append(queue_words(context, connection, found, words, MailKind.AGAIN, "Mara"))
        return f"by {channel}"
