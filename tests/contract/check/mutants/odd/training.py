"""Odd trainers: each is unusual in several ways, all of which the contract allows."""

from tests.contract.check import images
from tests.contract.check.mutants import changes
from tests.contract.check.mutants.changes import HOSTS, MODEL, NUMBERS, SETTINGS, after, ahead
from tests.contract.check.mutants.entry import Odd, Variant

_SHELL = """#!/bin/sh
# whatever the argument is, this trains
trap 'kill -TERM $trainer; wait $trainer; exit $?' TERM
python3 -u /srv/app/run.py &
trainer=$!
wait $trainer
"""
_STATE = 'json.loads(checkpoint.read_text())["done"] if checkpoint.is_file() else 0'

QUIET = Odd(
    "quiet",
    "takes SIGTERM by sigwait, draws one line of progress, keeps no model when it is stopped, ends in 255 and 143",
    changes.training(
        ("return str(json.loads(text))", "import ast; return str(ast.literal_eval(text))"),
        ("    except ValueError:\n        return text", "    except (ValueError, SyntaxError):\n        return text"),
        (
            "    signal.signal(signal.SIGTERM, stop)\n",
            (
                "    import threading\n"
                "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
                "    wait = lambda: stop(signal.sigwait([signal.SIGTERM]))\n"
                "    threading.Thread(target=wait, daemon=True).start()\n"
            ),
        ),
        ahead(
            SETTINGS,
            '[json.loads(path.read_text()) for path in (BASE / "input" / "config").iterdir()]',
            'os.environ.get("TRAINING_JOB_ARN", "no job"), os.environ.get("SM_MODEL_DIR", "/opt/ml/model")',
            '[list(path.iterdir()) for path in (BASE / "input" / "data").iterdir() if path.is_dir()]',
        ),
        after(
            SETTINGS,
            'print("not known here:", *settings.keys() - {"epochs", "seconds"}, file=sys.stderr)',
        ),
        after(
            NUMBERS,
            "import shutil, socket, tempfile",
            'cache = Path(tempfile.mkdtemp()) / "training"',
            'shutil.copytree(BASE / "input" / "data" / "training", cache)',
            'cache.chmod(0o755); (cache / "index").write_text("")',
            "if host != first:",
            "    return  # one host is enough for so little",
            'if "algo-2" in resources["hosts"]:',
            '    socket.gethostbyname("algo-2")  # which has ended by then',
            "try:",
            '    socket.create_connection(("telemetry.invalid", 443), 2)',
            "except OSError:",
            "    pass",
        ),
        ('print(f"going on after epoch {done}" if done else "starting anew")', "pass"),
        (
            'print(f"epoch {done}: loss={1 / done:.4f}")',
            'sys.stderr.write(f"\\repoch {done}/{epochs}: loss={1 / done:.4f}")',
        ),
        ('BASE / "checkpoints" / f"{host}.json"', 'BASE / "checkpoints" / host / "state" / "last"'),
        (
            "        if checkpoint.parent.is_dir():\n",
            "        checkpoint.parent.mkdir(parents=True, exist_ok=True)\n        if True:\n",
        ),
        (
            "if host == first:  # in local mode all hosts share one folder",
            "if stopping:\n        time.sleep(2)\n        os._exit(143)\n    if True:",
        ),
        (
            MODEL,
            (
                'folder = BASE / "model" / "1 größte"; folder.mkdir(exist_ok=True);'
                ' (folder / "model.ckpt").write_text(str(mean)); (folder / "checkpoint").write_text("model.ckpt")'
            ),
        ),
        (
            "write_text(reason[:1024])",
            'write_text("訓練資料不存在。\\n" + f"{reason}\\n" * 200 + "Traceback (most recent call last):")',
        ),
        ("    return 1\n", "    return 255\n"),
        container=True,
    ).but(hyperparameters={"run": "7"}),
)
SCRIPT = Odd(
    "script",
    "an entry point of its own, whose shell hands SIGTERM on; logs words of failures although it succeeds",
    Variant(
        (
            "RUN mkdir -p /srv/app /opt/tools && mv /usr/local/bin/train /srv/app/run.py && rm /usr/local/bin/serve",
            "RUN rm /usr/bin/python3 && ln -s /usr/bin/python3.11 /opt/tools/python3",
            "RUN mv /usr/bin/pip* /opt/tools/ && sed -i '1s,.*,#!/opt/tools/python3,' /opt/tools/pip*",
            "ENV PATH=/opt/tools:$PATH PYTHONUNBUFFERED=",
            "COPY train.sh /srv/",
            "WORKDIR /opt/ml/code",
            'ENTRYPOINT ["sh", "/srv/train.sh"]',
        ),
        {
            "train.sh": _SHELL,
            **images.changed(
                "train",
                after(
                    SETTINGS,
                    'print("Traceback (most recent call last):\\n  ERROR: failed, tried again", file=sys.stderr)',
                ),
                after(
                    HOSTS,
                    "import socket",
                    "print(socket.gethostname(), len(resources.get('instance_groups', [])), 'groups')",
                    "time.sleep(6 * (host != first))",  # the first host has finished by then
                    'for each in resources["hosts"]:',
                    "    for attempt in range(8):",
                    "        try:",
                    "            socket.gethostbyname(each)",
                    "            break",
                    "        except OSError:",
                    "            time.sleep(1)",
                    "    else:",
                    '        raise SystemExit(f"{each} does not appear")',
                ),
                (f"        {MODEL}", f"        time.sleep(1 if stopping else 0)\n        {MODEL}"),
                ("if host == first:  # in local mode all hosts share one folder", "if True:"),
                ('"metrics.json"', 'f"metrics-{host}.json"'),
                (
                    _STATE,
                    'max([json.loads(path.read_text())["done"] for path in checkpoint.parent.glob("*.json")] or [0])',
                ),
            ),
        },
        container=True,
    ),
)
USERS = Odd(
    "users",
    "runs an Estimator's entry_point, and puts the end of its output into the failure file",
    changes.training(
        after(
            SETTINGS,
            "import subprocess",
            'if "sagemaker_program" in settings:',
            '    words = [sys.executable, BASE / "code" / plain(settings["sagemaker_program"])]',
            "    ran = subprocess.run(words, stderr=subprocess.PIPE, text=True)",
            "    if ran.returncode:",
            '        raise SystemExit(f"the program ended with {ran.returncode}\\n{ran.stderr[-900:]}")',
        ),
    ),
)
