"""Entries of the points of training."""

from collections.abc import Mapping

from tests.contract.check.mutants.changes import HOSTS, MODEL, NUMBERS, SETTINGS, after, ahead, training
from tests.contract.check.mutants.entry import Entry, Variant
from tests.contract.check.mutants.odd.training import QUIET, SCRIPT, USERS

_NO_FILE = '(BASE / "output" / "failure")', '(BASE / "output" / "data" / "failure")'
_SIGTERM = "signal.signal(signal.SIGTERM, stop)"
_STATE = 'json.loads(checkpoint.read_text())["done"] if checkpoint.is_file() else 0'

# where one sleeps, that is its fault: a stop finds it amid its work
ENTRIES: Mapping[str, Entry] = {
    "T1-train": Entry(
        "has no `train`", Variant(("RUN rm /usr/local/bin/train",), container=True),
        SCRIPT, "an entry point that ignores the argument",
    ),
    "T2-container-entrypoint": Entry(
        "has no pip", Variant(("RUN rm /usr/bin/pip*",), container=True),
        SCRIPT, "python3 and pip are in /opt/tools, which ENV PATH names",
    ),
    "T3-opt-ml": Entry(
        "`train` is in /opt/ml/bin",
        Variant(
            ("RUN mkdir -p /opt/ml/bin && mv /usr/local/bin/train /opt/ml/bin", "ENV PATH=/opt/ml/bin:$PATH"),
            container=True,
        ),
        SCRIPT, "WORKDIR /opt/ml/code, which is empty",
    ),
    "T4-other-files": Entry(
        "stops at a fourth configuration file",
        training(ahead(SETTINGS, 'assert len(list((BASE / "input" / "config").iterdir())) == 3')),
        QUIET, "parses whatever is among the configuration files",
    ),
    "T5-encodings": Entry(
        "reads no JSON strings", training(("return str(json.loads(text))", "return text")),
        QUIET, "reads Python's literals instead of JSON",
    ),
    "T5-platform-hyperparameters": Entry(
        "refuses unknown names", training(after(SETTINGS, 'assert settings.keys() <= {"epochs", "seconds"}')),
        QUIET, "names the unknown ones in its log",
    ),
    "T5-wrong-value": Entry(
        "takes the default in place of a wrong value",
        training(
            (
                'raise SystemExit(f"hyperparameter {name} = {text!r}; expected a number") from None',
                "return kind(default)",
            )
        ),
        QUIET, "takes any text for the first number, which is a name, and exits with 255 at the second",
    ),
    "T6-manifests": Entry(
        "treats every entry as a channel",
        training(ahead(SETTINGS, '[list(folder.iterdir()) for folder in (BASE / "input" / "data").iterdir()]')),
        QUIET, "looks through all channels, past the files between them",
    ),
    "T6-read-only": Entry(
        "writes a cache into the channel",
        training(after(NUMBERS, '(BASE / "input/data/training/cache").write_text("")'), container=True),
        QUIET, "copies the channel, and writes beside the copies",
    ),
    "T7-short-configuration": Entry(
        "demands RecordWrapperType",
        training(('entry.get("TrainingInputMode", "File") == "Pipe"', 'entry["RecordWrapperType"] == "RecordIO"')),
        SCRIPT, "counts the instance groups, of which there may be none",
    ),
    "T8-hostname": Entry(
        "looks for its hostname among the hosts",
        training(after(HOSTS, "import socket", 'assert socket.gethostname() in resources["hosts"]'), container=True),
        SCRIPT, "logs its hostname",
    ),
    "T8-two-hosts": Entry(
        "ends if the other host does not resolve at once",
        training(
            after(HOSTS, "import socket", '[socket.gethostbyname(each) for each in resources["hosts"]]'),
            container=True,
        ),
        QUIET, "the second host has nothing to do and ends at once; the first looks up its name later",
    ),
    "T8-groups": Entry(
        "looks for its host in the first group",
        training(
            after(HOSTS, 'assert host in resources.get("instance_groups", [resources])[0]["hosts"]'), container=True
        ),
        SCRIPT, "counts the groups, and treats them alike",
    ),
    "T8-lost-host": Entry(
        "exits with 3 and without a reason",
        training(
            after(
                HOSTS,
                "import socket",
                "try:",
                '    [socket.gethostbyname(each) for each in resources["hosts"]]',
                "except OSError:",
                "    os._exit(3)",
            )
        ),
        QUIET, "the first host needs no other: it completes the job alone",
    ),
    "T9-variables": Entry(
        "demands TRAINING_JOB_ARN", training(ahead(SETTINGS, 'os.environ["TRAINING_JOB_ARN"]')),
        QUIET, "reads TRAINING_JOB_ARN, with a default",
    ),
    "T9-no-toolkit": Entry(
        "demands SM_MODEL_DIR",
        training(
            ('Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))', 'Path(os.environ["SM_MODEL_DIR"]).parent')
        ),
        QUIET, "reads SM_MODEL_DIR, with a default",
    ),
    "T10-user-failure": Entry(
        "runs the entry point, and says only its exit code",
        training(
            after(
                SETTINGS,
                "import subprocess",
                'if "sagemaker_program" in settings:',
                '    words = [sys.executable, BASE / "code" / plain(settings["sagemaker_program"])]',
                "    if code := subprocess.call(words):",
                '        raise SystemExit(f"the program ended with exit code {code}")',
            )
        ),
        USERS, "the message is the last line of the failure file",
    ),
    "T11-model": Entry(
        "writes the model elsewhere", training(('write(BASE / "model"', 'write(BASE / "output" / "data"')),
        QUIET, "in a subfolder, whose name is not ASCII",
    ),
    "T11-model-links": Entry(
        "the model is a symbolic link",
        training(
            (
                MODEL,
                'write(BASE / "model" / "1.json", {})\n        (BASE / "model" / "model.json").symlink_to("1.json")',
            )
        ),
        QUIET, "TensorFlow's file `checkpoint`, which names the model instead of a link",
    ),
    "T11-model-checkpoints": Entry(
        "has a checkpoint beside the model",
        training(
            (MODEL, f'(BASE / "model/checkpoint-5").mkdir(); write(BASE / "model/checkpoint-5/state", {{}}); {MODEL}')
        ),
        QUIET, "the model is model.ckpt, with TensorFlow's file `checkpoint`",
    ),
    "T11-failure-file": Entry(
        "writes the reason elsewhere", training(_NO_FILE),
        QUIET, "a file of thousands of characters, not all ASCII",
    ),
    "T11-failure-reason": Entry(
        "the reason comes after a traceback",
        training(("write_text(reason[:1024])", 'write_text("Traceback (most recent call last):\\n" + reason)')),
        QUIET, "a reason without spaces, in Chinese; the traceback comes last",
    ),
    "T11-disk-full": Entry(
        "continues without a model",
        training(
            (
                "half.write_text(json.dumps(content))",
                "try:\n        half.write_text(json.dumps(content))\n    except OSError:\n        return",
            ),
            container=True,
        ),
        QUIET, "exits with 255",
    ),
    "T11-whole-model": Entry(
        "half a model for a second",
        training((MODEL, f'(BASE / "model" / "model.json").write_text("{{"); time.sleep(1); {MODEL}')),
        QUIET, "writes no model before the end",
    ),
    "T11-names-of-two-hosts": Entry(
        "each host writes its own model.json",
        training(
            ("if host == first:  # in local mode all hosts share one folder", "if True:"),
            ('{"factor": mean}', '{"by": host}'),
            container=True,
        ),
        SCRIPT, "each host writes the same model.json",
    ),
    "T12-exit-code": Entry(
        "exits with 3", training(("        return 0", "        return 3")),
        SCRIPT, "exits with 0 after a traceback in its log",
    ),
    "T12-failure-exit-code": Entry(
        "exits with 0", training(("    return 1\n", "    return 0\n")), QUIET, "exits with 255"
    ),
    "T13-signal": Entry(
        "has no handler for SIGTERM", training((_SIGTERM, "pass"), container=True),
        QUIET, "blocks SIGTERM and waits for it, as dumb-init does; there is no handler",
    ),
    "T13-ends-in-time": Entry(
        "keeps running after SIGTERM",
        training(("    stopping = True", "    time.sleep(600)")).but(stop_seconds=2),
        QUIET, "ends 2 s after SIGTERM, with 143",
    ),
    "T13-keeps-result": Entry(
        "exits at SIGTERM and keeps nothing",
        training(("    stopping = True", "    os._exit(1)"), ("if checkpoint.parent.is_dir():", "if False:")),
        QUIET, "keeps a checkpoint and no model",
    ),
    "T14-resume": Entry(
        "starts anew", training((_STATE, "0")),
        QUIET, "does not say that it resumes; its checkpoint is in a subfolder",
    ),
    "T14-markers": Entry(
        "treats the newest name as its checkpoint",
        training(("checkpoint.read_text()", "max(checkpoint.parent.iterdir()).read_text()")),
        SCRIPT, "looks through the checkpoints, past other names",
    ),
    "T15-live-log": Entry(
        "PYTHONUNBUFFERED is empty", Variant(("ENV PYTHONUNBUFFERED=",), container=True),
        QUIET, "one line, drawn again and again after a carriage return",
    ),
    "T19-no-network": Entry(
        "demands a network",
        training(ahead(SETTINGS, 'assert len(Path("/proc/net/route").read_text().splitlines()) > 1'), container=True),
        QUIET, "tries to reach another machine, and continues without it",
    ),
}  # fmt: skip
"""By the names of their points."""
