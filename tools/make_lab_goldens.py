"""A small trained model of each kind that the lab makes, and what transformers and peft compute with it: goldens/lab.

    python tools/make_lab_goldens.py target/release/laser

Trains two language models of a world of facts (GPT-2's block and Llama's), a LoRA adapter of the second, and a Sokoban
player: about two minutes on two cores. goldens/lab/lab.json has the commands, the logits, the shares of right answers and
the versions. All of it must load in transformers without a change; that is checked here.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, DecisionTransformerModel

OUT = Path(__file__).parent.parent / "goldens" / "lab"
KEPT = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "sokoban.json",
        "adapter_config.json", "adapter_model.safetensors"]
WORLD = "lab facts --out world --seed 3 --facts 2000 --mentions 22500"
LEVELS = "lab sokoban levels --out levels --seed 1 --board 7 --boxes 2 --rooms 800 --starts 8 --max-moves 24"
TRAININGS = {
    "facts-gpt2": "lab train world --out facts-gpt2 --steps 1600 --batch 64",
    "facts-llama": "lab train world --out facts-llama --architecture llama --layers 3 --steps 2000 --batch 128",
    "adapter": "lab lora facts-llama --data world/facts.jsonl --out adapter --limit 300 --rank 2 --steps 80",
    "player": "lab sokoban train levels --out player --board 7 --d-model 48 --layers 2 --steps 1500 --max-moves 24",
}


def main():
    laser = Path(sys.argv[1]).resolve()
    work = Path(tempfile.mkdtemp())

    def run(command):
        done = subprocess.run([laser, *command.split(), "--cache-dir", "cache", "--json"], cwd=work, check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    run(WORLD)
    run(LEVELS)
    for name, command in TRAININGS.items():
        run(command)
        (OUT / name).mkdir(parents=True, exist_ok=True)
        for file in KEPT:
            if (work / name / file).exists():
                shutil.copy(work / name / file, OUT / name / file)

    def right(command):
        return run(command + " --no-side-effects")["laser"]["scores"]["all"]["acc"]

    found = run("search facts-gpt2 --task world/facts.jsonl --out run")
    questions = [json.loads(line)["question"] for line in (work / "world/facts.jsonl").read_text().splitlines()[:3]]
    record = {
        "world": WORLD,
        "levels": LEVELS,
        "trainings": TRAININGS,
        "questions": questions,
        "facts-gpt2": texts(work / "facts-gpt2", questions, None),
        "facts-llama": texts(work / "facts-llama", questions, None),
        "adapter": texts(work / "facts-llama", questions, work / "adapter"),
        "player": player(work / "player"),
        "accuracy": {
            "facts-gpt2": right("eval facts-gpt2 --task world/facts.jsonl"),
            "facts-llama": right("eval facts-llama --task world/facts.jsonl"),
            "adapter": right("eval facts-llama+adapter:adapter --task world/facts.jsonl"),
            "player": right("eval player --task sokoban --data levels"),
        },
        "search": {"edit": found["best"]["edit"], "gain": found["test"]["diff"], "interval": found["test"]["ci95"]},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    }
    (OUT / "lab.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(work)


def texts(folder, questions, adapter):
    """Token ids of the questions, and the logits after each, by transformers."""
    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    if adapter is not None:
        model = peft.PeftModel.from_pretrained(model, adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(question)["input_ids"] for question in questions]
    with torch.no_grad():
        logits = [model(torch.tensor([tokens])).logits[0, -1].tolist() for tokens in ids]
    return {"ids": ids, "logits": logits}


def player(folder):
    """The moves' values after each state of a made-up episode, by transformers."""
    model = DecisionTransformerModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    torch.manual_seed(0)
    steps = 4
    states = (torch.rand(1, steps, model.config.state_dim) < 0.2).float()
    actions = torch.nn.functional.one_hot(torch.randint(0, 4, (1, steps)), 4).float()
    returns = torch.rand(1, steps, 1)
    times = torch.arange(3, 3 + steps)[None]
    with torch.no_grad():
        values = model(states=states, actions=actions, returns_to_go=returns, timesteps=times,
                       attention_mask=torch.ones(1, steps, dtype=torch.long)).action_preds
    return {"states": states.flatten().tolist(), "actions": actions.flatten().tolist(),
            "returns": returns.flatten().tolist(), "times": times.flatten().tolist(), "values": values.flatten().tolist()}


if __name__ == "__main__":
    main()
