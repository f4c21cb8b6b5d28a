"""Random operations of operators and jobs, against a model of a few lines that knows the rules."""

import os
import random

from coffer_test import Refused, sentinel

STEPS = 3000
NAMES = ["A", "AB", "B", "KEY", "KEY_1"]
PIPELINES = ["app", "app/sub", "lib"]
GLOBS = {(): lambda name: True, ("A*",): lambda name: name.startswith("A"),
         ("KEY", "B"): lambda name: name in ("KEY", "B"), ("?",): lambda name: len(name) == 1}


class Model:
    """What ought to be: values by scope and name, and the runs with what each may see."""

    def __init__(self):
        self.values = {}
        self.runs = []

    def visible(self, run):
        """{name: (value, scope)} by the run's scopes and globs."""
        found = {}
        for scope in reversed(run["scopes"]):
            for (at, name), value in self.values.items():
                if at == scope and GLOBS[run["allow"]](name):
                    found[name] = (value, scope)
        return found

    def end(self, run):
        run["live"] = False
        for key in [key for key in self.values if key[0] == run["scopes"][0]]:
            del self.values[key]


def put(daemon, operator, model, chance):
    scope = chance.choice(["global"] + [f"pipeline/{pipeline}" for pipeline in PIPELINES])
    name, value = chance.choice(NAMES), sentinel().encode()
    operator.ask("PutSecret", scope=scope, writes=[{"name": name, "value": value}])
    model.values[(scope, name)] = value


def delete(daemon, operator, model, chance):
    keys = [key for key in model.values if not key[0].startswith("run/")]
    if keys:
        scope, name = chance.choice(keys)
        operator.ask("DeleteSecret", scope=scope, name=name, purge=chance.random() < 0.5)
        del model.values[(scope, name)]


def create(daemon, operator, model, chance):
    pipeline, ref = chance.choice(PIPELINES), chance.choice(["main", "dev"])
    allow = chance.choice(list(GLOBS))
    own = {name: sentinel().encode() for name in NAMES if chance.random() < 0.2}
    made = operator.ask("CreateRun", meta={"pipeline": pipeline, "ref": ref}, allow=allow,
                        secrets=[{"name": name, "value": value} for name, value in own.items()])
    replaced = [run for run in model.runs if run["live"] and run["key"] == (pipeline, ref)]
    assert list(made.superseded) == [run["id"] for run in replaced]
    for run in replaced:
        model.end(run)
    scopes = [f"run/{made.run_id}", f"pipeline/{pipeline}", "global"]
    wire = daemon.runner(made)
    model.runs.append({"id": made.run_id, "token": made.token, "key": (pipeline, ref), "live": True,
                       "scopes": scopes, "allow": allow, "wire": wire, "claimed": False})
    model.values.update({(scopes[0], name): value for name, value in own.items()})


def end(daemon, operator, model, chance):
    if model.runs:
        run = chance.choice(model.runs[-8:])
        method, fields = chance.choice([("FinishRun", {"run_id": run["id"], "result": "FAILED"}),
                                        ("RevokeGrant", {"id": run["id"]})])
        assert operator.code(method, **fields) == ("OK" if run["live"] else "FAILED_PRECONDITION")
        model.end(run)


def read(daemon, operator, model, chance):
    if not model.runs:
        return
    run = chance.choice(model.runs[-8:])
    name, visible = chance.choice(NAMES), model.visible(run)
    if not run["live"]:
        wanted = "UNAUTHENTICATED"
    elif not GLOBS[run["allow"]](name):
        wanted = "PERMISSION_DENIED"
    else:
        wanted = "OK" if name in visible else "NOT_FOUND"
    try:
        got = run["wire"].ask("GetSecret", name=name)
        assert wanted == "OK" and (got.value, got.scope) == visible[name]
    except Refused as refused:
        assert refused.code == wanted


def read_all(daemon, operator, model, chance):
    live = [run for run in model.runs if run["live"]]
    if live:
        run = chance.choice(live)
        secrets = run["wire"].ask("GetEnvironment").secrets
        assert {secret.name: (secret.value, secret.scope) for secret in secrets} == \
            model.visible(run)


def claim(daemon, operator, model, chance):
    if model.runs:
        run = chance.choice(model.runs[-8:])
        code = run["wire"].code("Bootstrap", nonce=os.urandom(16))
        wanted = "OK" if not run["claimed"] else "GONE"
        assert code == (wanted if run["live"] else "UNAUTHENTICATED")
        run["claimed"] = run["claimed"] or code == "OK"


def reconnect(daemon, operator, model, chance):
    if model.runs:
        run = chance.choice(model.runs[-8:])
        run["wire"].close()
        run["wire"] = daemon.wire()
        code = run["wire"].code("Hello", protocol=1, token=run["token"])
        assert code == ("OK" if run["live"] else "UNAUTHENTICATED")


def test_random_operations_agree_with_the_model(daemon):
    """Attack: random authorization operations against a model. A1, A4, A5, B1, C2, C3, C5, E5."""
    seed = int(os.environ.get("COFFER_MODEL_SEED", random.SystemRandom().randrange(1 << 24)))
    print("to repeat: COFFER_MODEL_SEED =", seed)
    chance = random.Random(seed)
    model, operator = Model(), daemon.operator()
    acts = [put] * 4 + [delete] * 2 + [create] * 2 + [end] + [read] * 12 + [read_all] * 3 + \
        [claim, reconnect]
    for _ in range(STEPS):
        chance.choice(acts)(daemon, operator, model, chance)
        for run in model.runs[:-8]:
            if not run["live"]:
                run["wire"].close()
    assert daemon.verify_audit().problem == ""
