"""Small changes of the good programs, by the places where they are made.

(place, text in its stead) ...  ->  serve, train  ->  Variant
"""

from local_test.check.core.points import Payload
from local_test.platform.profiles import Profile
from tests.contract.check import images
from tests.contract.check.mutants.entry import Variant

Change = tuple[str, str]

GET_PING = '        if path == "/ping":\n            self.answer(200)\n'
POST_PING = '            if path == "/ping":\n                self.answer(200)\n'
PREDICTED = "                self.send(*self.predict(body, factor))\n"
BODY = "            body = self.body()\n"
LOCK = "in_flight, lock = 0, threading.Lock()\n"
LOADED = '        factor = 1.0 if MULTI_MODEL else read(BASE / "model")\n'
MODEL_ERROR = "    except (OSError, ValueError, KeyError) as error:\n"
SERVER = '    server = Server(("0.0.0.0", PORT), Handler)\n'
BACKLOG = "    request_queue_size = 128\n"
SAID = '    print(f"listening on {PORT}")\n'
CLOSING = "        if self.close_connection:\n"
UNREADABLE = "        except (ValueError, TypeError, KeyError):\n"
REFUSED = '            raise Refusal(400, "expected a list of numbers") from None\n'
DRAINED = "                left -= len(piece)\n            raise Refusal(413,"
LINES = '        for line in [*body.splitlines(keepends=True), b""]:\n'
"""Places in `serve`."""
MODEL = 'write(BASE / "model" / "model.json", {"factor": mean})'
SETTINGS = 'settings = configuration("hyperparameters.json")'
HOSTS = 'host, first = resources["current_host"], sorted(resources["hosts"])[0]'
NUMBERS = 'numbers = channel("training")'
"""Places in the function `train` of `train`."""

CAPABILITIES = "com.amazonaws.sagemaker.capabilities"
ALL_LABELS = (f"LABEL {CAPABILITIES}.multi-models=true {CAPABILITIES}.bidirectional-streaming=true",)
CSV = Payload(b"1\n2\n", "text/csv")


def instead(place: str, *lines: str) -> Change:
    """Put *lines* in place of *place*, indented like it."""
    indent = place[: len(place) - len(place.lstrip())]
    return place, "".join(f"{indent}{line}\n" for line in lines)


def before(place: str, *lines: str) -> Change:
    """Put *lines* before *place*, indented like it."""
    return place, instead(place, *lines)[1] + place


EMPTY_ANSWERED = before("            content = json.loads(body)", "if not body:", '    return JSON, b"{}"')
"""An empty body gets 200."""


def ping(answer: str) -> Change:
    """Put *answer* in place of the call that answers GET /ping."""
    return GET_PING, GET_PING.replace("self.answer(200)", answer)


def serving(*changes: Change, container: bool = False, lines: tuple[str, ...] = ()) -> Variant:
    """Return the good server, changed."""
    return Variant(lines, images.changed("serve", *changes), container or bool(lines))


def serving_many_models(*changes: Change) -> Variant:
    """Return the good server of a multi-model endpoint, changed."""
    return serving(*changes).but(profile=Profile.MULTI_MODEL)


def serving_batch(*changes: Change) -> Variant:
    """Return the good server of a transform job, changed."""
    return serving(*changes).but(profile=Profile.BATCH, payload=CSV)


def serverless(*changes: Change) -> Variant:
    """Return the good server of a serverless endpoint, changed."""
    return serving(*changes, container=True).but(profile=Profile.SERVERLESS)


def training(*changes: Change, container: bool = False, lines: tuple[str, ...] = ()) -> Variant:
    """Return the good trainer, changed."""
    return Variant(lines, images.changed("train", *changes), container or bool(lines))


def ahead(place: str, *lines: str) -> Change:
    """Put *lines* before *place*, in the function `train`."""
    return place, "\n    ".join((*lines, place))


def after(place: str, *lines: str) -> Change:
    """Put *lines* after *place*, in the function `train`."""
    return place, "\n    ".join((place, *lines))
