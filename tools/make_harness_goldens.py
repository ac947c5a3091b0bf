"""Writes goldens/harness/*.golden.json: what lm-evaluation-harness makes of the tasks beside them.

    python tools/make_harness_goldens.py goldens/harness

Needs lm-eval 0.4.13 (neither torch nor a model): the answers are made up here, so that the same ones can be given
to Laser. Each file holds the task's samples as the harness logs them, its row of the results, and what goes with it.
"""

import argparse
import json
import os
import pathlib

KEYS = ["results", "configs", "versions", "n-shot", "higher_is_better", "n-samples"]


def fake_likelihood(context, continuation):
    """A log-likelihood and whether it is greedy, from the texts alone."""
    likelihood = -((sum(continuation.encode()) * 7 + len(context.encode())) % 97) / 16 - 0.25
    return likelihood, likelihood > -2.5


def fake_text(context, number):
    """A text that is sometimes an answer."""
    return [" dog", "Comma!", "so #### 007", "#### 12\n", " seven ", "42", "the\u00a0end", "one", "1.0", "2.5"][number % 10]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder.resolve()
    os.chdir(folder)  # data files are named from here
    os.environ["DISABLE_MULTIPROC"] = "1"

    from lm_eval import evaluator
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager
    from lm_eval.utils import handle_non_serializable, hash_string, sanitize_list

    class Fake(LM):
        def loglikelihood(self, requests):
            return [fake_likelihood(*request.args) for request in requests]

        def loglikelihood_rolling(self, requests):
            return [fake_likelihood("", request.args[0])[0] for request in requests]

        def generate_until(self, requests):
            return [fake_text(request.args[0], number) for number, request in enumerate(requests)]

    names = sorted(path.stem for path in folder.glob("*.yaml") if path.stem != "choice_base")
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    for name in names:
        whole = evaluator.simple_evaluate(model=Fake(), tasks=[name], task_manager=manager, log_samples=True)
        samples = []
        for sample in whole["samples"][name]:
            # As the harness's own writer does it.
            sample["arguments"] = {
                f"gen_args_{i}": {f"arg_{j}": value for j, value in enumerate(args)}
                for i, args in enumerate(sample["arguments"])
            }
            sample["resps"] = sanitize_list(sample["resps"])
            sample["filtered_resps"] = sanitize_list(sample["filtered_resps"])
            sample["target"] = str(sample["target"])
            samples.append(sample)
        hashes = "".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in samples)
        metadata = whole["configs"][name]["metadata"]
        metadata.pop("config_source", None)  # a path of this machine
        if not metadata:
            del whole["configs"][name]["metadata"]
        golden = {
            "task": name,
            "samples": samples,
            "task_hash": hash_string(hashes),
            **{key: whole[key][name] for key in KEYS},
        }
        text = json.dumps(golden, default=handle_non_serializable, ensure_ascii=False)
        (folder / f"{name}.golden.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
