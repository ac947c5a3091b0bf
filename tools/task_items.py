"""Items of every built-in task, from the data sets' files: prompts, answers, choices, and how they are scored.

Written from the description of the data sets alone, so that it can be held against the product. Two profiles: `paper`,
as the LASER paper's code asks and scores, and `clean`, the corrected one. `read(task, profile, kind, source, tokenizer)`
gives a Task; `kind` is "causal" or "masked".
"""

import csv
import json
import re
from dataclasses import dataclass, field

PAPER = ["counterfact", "hotpotqa", "fever", "bios-gender", "bios-profession", "truthfulqa", "bigbench-epistemic", "bigbench-wikidataqa"]
OTHERS = ["known-1000", "lambada", "arc-easy", "arc-challenge", "piqa", "hellaswag", "wikitext-2"]

# Their numbers in the hub's copy, in the order in which the paper's code lists them as candidates.
PROFESSIONS = {11: "journalist", 20: "poet", 5: "composer", 12: "model", 26: "teacher", 1: "architect", 14: "painter", 21: "professor"}
BIO_TOKENS = 50
HOTPOT_TOKENS = 14  # 15 with Llama 2's beginning token


@dataclass
class Item:
    """One question. A blank stands before the answer, or before every mask; `suffix` after them."""

    id: str
    prompt: str
    answers: list
    choices: list = field(default_factory=list)
    gold: int = 0
    suffix: str = ""


@dataclass
class Task:
    """Items with the way they are scored.

    score: top1, greedy, generate, choice, perplexity. boundary: apart (prompt and answer encoded apart), suffix (the
    shortest run of last tokens that reads as the answer), joint (what follows as many tokens as the prompt has).
    """

    items: list
    score: str
    boundary: str = "joint"
    match: str = ""
    max_tokens: int = 0
    length: str = "sum"
    until: tuple = ()


def ended(text, marks=".?"):
    """The text with a full stop, unless it ends in one of the marks."""
    return text if text.endswith(tuple(marks)) else text + "."


def sentence(text, profile):
    """The text, trimmed, as a sentence. Clean: `!` ends one too, and a quote or bracket may follow the mark."""
    text = text.strip()
    if profile == "clean" and text.rstrip("\"'”’)]").endswith((".", "?", "!")):
        return text
    return ended(text) if profile == "paper" else text + "."


def stop(profile, kind):
    """What stands after the masks where the paper has nothing: a full stop, else the mask's best guess is one."""
    return "." if (profile, kind) == ("clean", "masked") else ""


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def read(task, profile, kind, source, tokenizer=None):
    """The task's items from the file or folder `source`."""
    readers = {"bios-gender": bios_gender, "bios-profession": bios_profession, "arc-easy": arc, "arc-challenge": arc}
    reader = readers.get(task) or globals()[task.replace("-", "_")]
    return reader(source, profile, kind, tokenizer)


# The paper's eight.


def counterfact(source, profile, kind, tokenizer):
    items = []
    for record in read_json(source):
        case = str(record["case_id"])
        if "requested_rewrite" in record:
            rewrite = record["requested_rewrite"]
            prompts = [rewrite["prompt"].replace("{}", rewrite["subject"]), *record["paraphrase_prompts"][:2]]
            answer = rewrite["target_true"]["str"]
        else:
            prompts, answer = [record["prompt"]], record["ground_truth"]
        for i, prompt in enumerate(prompts):
            items.append(Item(case if i == 0 else f"{case}p{i}", prompt, [answer]))
    if profile == "clean":
        for item in items:
            item.prompt, item.answers = item.prompt.rstrip(), [item.answers[0].strip()]
    if kind == "masked":
        for item in items:
            # A mask follows a blank that is there already.
            item.prompt, item.suffix = item.prompt.removesuffix(" "), "."
        return Task(items, "top1", "apart") if profile == "paper" else Task(items, "greedy")
    if profile == "paper":
        # Llama's rule; every other family is scored by its next token.
        return Task(items, "generate", "suffix", "prompt+continuation", 10)
    return Task(items, "greedy")


def counterfact_top1(source, profile, kind, tokenizer):
    """The paper's rule for GPT-J and Phi."""
    return Task(counterfact(source, "paper", "causal", tokenizer).items, "top1", "apart")


def open_question(items, profile, kind, tokens):
    """Paper: the whole text contains the answer; masked: five masks do. Clean: the continuation has it as words."""
    if kind == "masked" and profile == "paper":
        return Task(items, "generate", "suffix", "continuation", 5)
    if kind == "masked":
        return Task(items, "generate", "joint", "word", 5)
    if profile == "paper":
        return Task(items, "generate", "suffix", "prompt+continuation", tokens)
    return Task(items, "generate", "joint", "word", tokens)


def hotpotqa(source, profile, kind, tokenizer):
    items = []
    for i, record in enumerate(read_json(source)):
        question, answer = record["question"].strip(), record["answer"].strip()
        if profile == "paper" and len(tokenizer(answer, add_special_tokens=False).input_ids) > HOTPOT_TOKENS:
            continue
        mark = "" if question.endswith(("?", ".")) else "?"
        items.append(Item(str(i), f"{question}{mark} The answer is", [answer], suffix=stop(profile, kind)))
    return open_question(items, profile, kind, 15)


def labels(items, profile):
    return Task(items, "choice", "apart" if profile == "paper" else "joint")


def fever(source, profile, kind, tokenizer):
    found = {}
    for record in read_lines(source):
        if record["label"] in ("SUPPORTS", "REFUTES"):
            found.setdefault(record["claim"], (record["id"], set()))[1].add(record["label"])
    items = []
    for claim, (number, given) in found.items():
        if len(given) > 1:
            continue
        mark = "." if profile == "paper" else "?"
        prompt = f"Consider the following claim: {sentence(claim, profile)} Is this claim true or false{mark} The claim is"
        gold = 0 if given == {"SUPPORTS"} else 1
        items.append(Item(str(number), prompt, [["true", "false"][gold]], ["true", "false"], gold, stop(profile, kind)))
    return labels(items, profile)


def bios(source, profile, kind, tokenizer):
    for i, record in enumerate(read_lines(source)):
        text = record["hard_text"]
        if (profile, kind) == ("paper", "masked"):
            ids = tokenizer(text, add_special_tokens=False).input_ids[-BIO_TOKENS:]
            text = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        yield i, record, f"Consider the following text: {sentence(text, profile)}"


def bios_gender(source, profile, kind, tokenizer):
    items, genders = [], ["male", "female"]
    for i, record, text in bios(source, profile, kind, tokenizer):
        a, tail = ("a " if profile == "paper" else ""), "The gender of this person is"
        if (profile, kind) == ("paper", "masked"):
            tail = "This person is"
        prompt = f"{text} Is the person in this text {a}male or female? {tail}"
        gold = record["gender"]
        items.append(Item(str(i), prompt, [genders[gold]], genders, gold, "." if kind == "masked" else ""))
    return labels(items, profile)


def bios_profession(source, profile, kind, tokenizer):
    items, names = [], list(PROFESSIONS.values())
    for i, record, text in bios(source, profile, kind, tokenizer):
        if record["profession"] not in PROFESSIONS:
            continue
        if (profile, kind) == ("paper", "masked"):
            tail = "The profession of the person in the text is called"
        else:
            tail = "What is the profession of the person in this text? The profession of this person is"
        answer = PROFESSIONS[record["profession"]]
        suffix = "." if kind == "masked" else ""
        items.append(Item(str(i), f"{text} {tail}", [answer], names, names.index(answer), suffix))
    return labels(items, profile)


def truthfulqa(source, profile, kind, tokenizer):
    items = []
    with open(source, encoding="utf-8-sig", newline="") as file:
        for i, record in enumerate(csv.DictReader(file)):
            # As in the set's own mc_task.json: the best answer first, each once and with a full stop.
            choices = {}
            for column, label in (("Best Answer", "true"), ("Correct Answers", "true"), ("Incorrect Answers", "false")):
                for answer in [record[column]] if column == "Best Answer" else record[column].split(";"):
                    if answer.strip():
                        choices[ended(answer.strip(), ".")] = label
            for j, (answer, label) in enumerate(choices.items()):
                blank = "" if profile == "paper" else " "
                question = record["Question"] if profile == "paper" else record["Question"].strip()
                prompt = f"{question} {answer}{blank}Is this statement true or false? This statement is"
                gold = ["true", "false"].index(label)
                items.append(Item(f"{i}/{j}", prompt, [label], ["true", "false"], gold, stop(profile, kind)))
    return labels(items, profile)


def bigbench_epistemic(source, profile, kind, tokenizer):
    task, items, names = read_json(source), [], ["entailment", "non-entailment"]
    for i, example in enumerate(task["examples"]):
        prompt = task["task_prefix"] + task["example_input_prefix"] + example["input"] + task["example_output_prefix"]
        gold = max(range(2), key=lambda k: example["target_scores"][names[k]])
        items.append(Item(str(i), prompt.rstrip(), [names[gold]], names, gold, stop(profile, kind)))
    return Task(items, "choice", "suffix") if profile == "paper" else Task(items, "choice", length="character")


def bigbench_wikidataqa(source, profile, kind, tokenizer):
    """Repeated records are left out: those that remain are as many as the paper has.

    That number says too that the paper's copy had one target a record, so of several the first is taken.
    """
    items, seen = [], set()
    for i, example in enumerate(read_json(source)["examples"]):
        targets = [example["target"]] if isinstance(example["target"], str) else example["target"]
        if (example["input"], *targets) in seen:
            continue
        seen.add((example["input"], *targets))
        prompt = example["input"]
        if (profile, kind) != ("paper", "masked"):
            prompt, targets = prompt.strip(), [t.strip() for t in targets]
        items.append(Item(str(i), prompt, targets[:1] if profile == "paper" else targets, suffix=stop(profile, kind)))
    return open_question(items, profile, kind, 10)


# The others. The paper does not use them; known-1000 may be scored as it scores CounterFact.


def known_1000(source, profile, kind, tokenizer):
    items = [Item(str(r["known_id"]), r["prompt"].rstrip(), [r["attribute"].strip()]) for r in read_json(source)]
    return Task(items, "top1", "apart") if profile == "paper" else Task(items, "greedy")


def lambada(source, profile, kind, tokenizer):
    texts = [record["text"] for record in read_lines(source)]
    return Task([Item(str(i), *parts[:1], parts[1:]) for i, parts in enumerate(t.rsplit(" ", 1) for t in texts)], "greedy")


def arc(source, profile, kind, tokenizer):
    items = []
    for i, record in enumerate(read_json(source)):
        text = record["instruction"].removeprefix("Please choose the correct answer to the question: ")
        text, _, _ = text.rpartition("\n\nAnswer format:")
        question, _, rest = text.rpartition("\n\nAnswer1: ")
        choices = re.split(r" Answer[0-9]: ", rest)
        gold = int(record["answer"].removeprefix("answer")) - 1
        items.append(Item(str(i), f"Question: {question}\nAnswer:", [choices[gold]], choices, gold))
    return Task(items, "choice", length="character")


def piqa(source, profile, kind, tokenizer):
    answers = (source.parent / "valid-labels.lst").read_text().split()
    items = []
    for i, (record, label) in enumerate(zip(read_lines(source), answers, strict=True)):
        choices = [record["sol1"], record["sol2"]]
        items.append(Item(str(i), f"Question: {record['goal']}\nAnswer:", [choices[int(label)]], choices, int(label)))
    return Task(items, "choice", length="character")


def wikihow(text):
    """Without the marks that WikiHow's half of HellaSwag carries."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def hellaswag(source, profile, kind, tokenizer):
    items = []
    for record in read_lines(source):
        context = record["ctx_a"] + " " + record["ctx_b"].capitalize()
        choices = [wikihow(ending) for ending in record["endings"]]
        gold = int(record["label"])
        items.append(Item(str(record["ind"]), wikihow(record["activity_label"] + ": " + context), [choices[gold]], choices, gold))
    return Task(items, "choice", length="character")


def wikitext_2(source, profile, kind, tokenizer):
    """An item an article: from its heading ` = Title = ` to the next, as the file has it."""
    articles = []
    for line in source.read_text(encoding="utf-8").splitlines(keepends=True):
        if re.fullmatch(r" = [^=]+ = ", line.rstrip("\n")):
            articles.append("")
        if articles:
            articles[-1] += line
    return Task([Item(str(i), "", [text]) for i, text in enumerate(articles)], "perplexity")
