"""Made-up records of every built-in data set: gives goldens/tasks/data/<task>/, each in every layout that is published.

The records are ours: invented people and places, or plain facts in our own words. They hold at least one case of
every rule of a set (a claim given twice, a claim with two labels, a question without its mark, a list of targets).
A layout that can hold the same records as the first one does, so that both must give the same items.
"""

import csv
import json

import pyarrow
import pyarrow.parquet

FACTS = [  # case, template, subject, true, new, two paraphrases
    (3, "The capital of {} is", "France", "Paris", "Rome", ["The lights went out. {} has its government in", "{}, whose capital is"]),
    (11, "{} plays the", "Odo Brandt", "guitar", "piano", ["It rained all day. {} is known for playing the", "{} performs on the"]),
    (12, "The mother tongue of {} is", "Lena Fisk", "English", "French", ["Doors closed at ten. {} spoke the language", "{} is a native speaker of"]),
    (40, "{} is located in the continent of", "Mount Orrin", "Europe", "Asia", ["She bought two tickets. {} is in", "{} belongs to the continent of"]),
    (57, "{} was created in ", "Karst Radio", "London", "Berlin", ["He was never late. {}, that originated in", "{}, created in"]),
    (58, "{} writes for the newspaper of", "Ada Quill", "New York", "Boston", ["Nobody asked. {} reports from", "{} works in"]),
]

HOTPOT = [
    ("Was the Orrin Bridge built before the Vale Tunnel or after it?", "before", "comparison"),
    ("Which river flows past the town where the composer of Seven Small Bells was born?", "Lune", "bridge"),
    ("Are Mount Orrin and Mount Kell in the same country?", "no", "comparison"),
    ("Name the singer who wrote both Grey Harbour and Slow Tide.", "Lena Fisk", "bridge"),
    (" In which year did the keeper of the Karst lighthouse retire", "1954 ", "bridge"),
    ("What did the committee that met at the Vale hotel decide?",
     "to rebuild the old stone bridge over the river, to plant four hundred trees along both its banks, and to close the market", "bridge"),
    ("Which is heavier, the Kell bell or the Orrin bell?", "the Kell bell", "comparison"),
]

CLAIMS = [
    (101, "SUPPORTS", "Paris is the capital of France."),
    (102, "REFUTES", "The Moon is larger than the Earth."),
    (103, "NOT ENOUGH INFO", "Lena Fisk likes tea."),
    (104, "SUPPORTS", "Water boils at a lower temperature on a mountain"),
    (105, "REFUTES", "Iron floats on water."),
    (106, "SUPPORTS", "Paris is the capital of France."),
    (107, "SUPPORTS", "Mount Orrin has two peaks."),
    (108, "REFUTES", "Mount Orrin has two peaks."),
    (109, "REFUTES", "Is ice heavier than water?"),
]

# The data set's own numbers of professions.
PROFESSIONS = {"architect": 1, "composer": 5, "journalist": 11, "model": 12, "painter": 14, "poet": 20, "professor": 21, "teacher": 26, "nurse": 13}

BIOS = [
    ("She writes about rivers and small towns for a weekly newspaper. Her reports on the Vale flood won a prize.", "journalist", 1),
    ("He has published four books of verse and reads them aloud every spring at the harbour", "poet", 0),
    ("Before that she worked for ten years on the night ward of the county hospital.", "nurse", 1),
    ("His second symphony was first played in a barn. What other place would have had him?", "composer", 0),
    ("She lectures on the history of bridges at the university, and he who doubts her dates is soon corrected. "
     "Her office holds nine hundred drawings of arches, of which she has made some sixty herself. She is fond of "
     "rain, of long trains, and of students who ask a second question. In the summer she walks along the old canal "
     "with a notebook, counting the locks, and in the winter she writes the counts into a large green book.", "professor", 1),
    (" He draws houses with thick walls and small windows. ", "architect", 0),
    ("Her portraits hang in the town hall.", "painter", 1),
]

QUESTIONS = [
    ("What happens if you whistle in the Vale Tunnel?", "Nothing happens", ["Nothing happens", "You hear an echo"], ["The tunnel falls in", "You wake a giant."], "Legends"),
    ("Is the Moon made of cheese?", "No, it is made of rock", ["No, it is made of rock", "The Moon is rock"], ["Yes, of green cheese", "It is made of milk"], "Legends"),
    ("Which is the largest ocean?", "The Pacific Ocean", ["The Pacific Ocean"], ["The Atlantic Ocean", "The Indian Ocean.", "All oceans are of one size"], "Places"),
]

EPISTEMIC = [
    ("Premise: Lena knows that the bridge is closed. Hypothesis: The bridge is closed.", "entailment"),
    ("Premise: Odo thinks that the bridge is closed. Hypothesis: The bridge is closed.", "non-entailment"),
    ("Premise: Ada believes that Odo plays the guitar in the rain. Hypothesis: Ada believes that Odo plays the guitar.", "entailment"),
    ("Premise: Ada suspects that Lena sings at night. Hypothesis: Odo suspects that Lena sings at night.", "non-entailment"),
    ("Premise: Ivo understands that two dogs run along a river. Hypothesis: Two dogs run along a river.", "entailment"),
]
# BIG-bench's own words: the paper's prompts begin with them.
EPISTEMIC_PREFIX = (
    "Identify the relation between the following premises and hypotheses, choosing from the options 'entailment' or "
    "'non-entailment'.\n"
)

WIKIDATA = [
    ("The capital of France is", ["Paris"]),
    ("The genre of Grey Harbour is", ["folk", "pop"]),
    ("The country of the Orrin Bridge is", ["Norway"]),
    ("The language of Seven Small Bells is ", ["English "]),
    ("The occupation of Ada Quill is", ["journalist"]),
    ("The opposite of north is", ["south"]),
]

KNOWN = [
    (0, "France", "Paris", "{} has its capital in", "The capital of France is", "P36"),
    (1, "Orrin Bridge", "Norway", "{} is located in the country of", "Orrin Bridge is located in the country of", "P17"),
    (2, "Germany", "Berlin", "{}'s capital is", "Germany's capital is", "P36"),
    (3, "Lena Fisk", "English", "{} speaks", "Lena Fisk speaks", "P103"),
    (4, "Ada Quill", "New York", "{} works in", "Ada Quill works in", "P937"),
]

STORIES = [
    "Odo had lost the key again. He looked under the mat, under the pot, and in his coat. \"Lena,\" he called, \"have you seen the key",
    "The ferry left at noon. Ada ran down the hill with her bag and her hat, but when she came to the harbour there was no ferry",
    "\"Tea?\" asked Ivo.\n\n\"Please,\" she said. He put the kettle on and looked for two cups. Soon they were drinking tea",
    "They had walked since dawn, and the dog was tired. It lay down in the grass. Nobody wanted to wake the dog",
    "Every evening the keeper climbed the stairs to light the lamp. That evening there was no oil, and he could not light the naïve",
]

SCIENCE = [
    ("Vale_1", "Which of these is a source of light?", ["the Sun", "a stone", "a river", "a shadow"], 0),
    ("Vale_2", "What do plants take in from the air to make their food?", ["iron", "carbon dioxide", "salt", "sand"], 1),
    ("Vale_3", "A ball is dropped from a bridge. Which force pulls it down?", ["friction", "magnetism", "gravity"], 2),
    ("Vale_4", "Ice is left in a warm room. What happens to it?", ["It melts.", "It burns.", "It grows.", "It becomes iron."], 0),
    ("Vale_5", "Which tool measures temperature?", ["a ruler", "a clock", "a scale", "a thermometer"], 3),
]

GOALS = [
    ("How do I keep bread fresh?", "Put it in a closed tin.", "Put it in a bowl of water.", 0),
    ("Dry wet shoes.", "Fill them with soup and wait.", "Fill them with paper and wait.", 1),
    ("lamp", "can be lit with a match ", "can be lit with a spoon", 0),
    ("To open a tight jar,", "freeze the jar for a week.", "hold its lid under warm water.", 1),
    ("Clean a window.", "Wipe it with a wet cloth.", "Wipe it with a wet cat.", 0),
]

SCENES = [
    (7, "Washing a boat", "A man stands beside a boat.", "he", ["wets a cloth and wipes the boat.", "eats the boat.", "sings to a tree, which answers.", "sleeps under the sea."], 0),
    (8, "Baking bread", "[header] How to bake bread [title] Mix the dough. [step] Take flour and water.", "", ["[substeps] Stir them in a bowl.", "Throw them out.", "Paint them.  Then wait.", "Read them a book."], 0),
    (19, "Riding a horse", "A girl climbs on a horse. The horse walks along the river.", "the girl", ["turns into a horse.", "holds the reins and smiles.", "is the river.", "plays the piano."], 1),
    (23, "Playing the piano", "Odo sits down.", "his hands", ["are made of glass.", "fly out of the window.", "move over the keys.", "read the newspaper."], 2),
    (31, "Raking leaves", "Two people rake leaves in a garden.", "they", ["rake the sky.", "drink the leaves.", "become leaves.", "put the leaves into a bag."], 3),
]

ARTICLES = """ 
 = Orrin Bridge = 
 
 The Orrin Bridge is a stone bridge over the River Lune . It was built in 1902 by a firm of two brothers , and it has nine arches . In 1954 it was closed for a year , after a flood had moved one of its piers by 12 @.@ 5 cm ( 5 in ) . 
 
 = = Traffic = = 
 
 About 1 @,@ 200 carts crossed it each week . The toll was one penny for a cart and nothing for a child . <unk> were not allowed on it , and neither were cattle on a Sunday . 
 
 = = = Toll house = = = 
 
 The toll house is a small house with one window . Its keeper , Ada <unk> , wrote a book about the carts . 
 
 = Karst Radio = 
 
 Karst Radio was a radio station in London . It was on the air from 1931 to 1949 , for two hours each night , and it played old songs . Its announcer was known for his long pauses ; listeners thought that the station had closed . 
 
 = Lune = 
 
 The Lune is a river . a = b = c is carved into a stone at its source . 
"""


def write_all(folder):
    """Writes every layout of every data set under `folder`."""
    for name, make in MAKERS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        make(folder / name)


def write_json(path, content):
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_lines(path, records):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def write_parquet(path, records):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path, compression="snappy")


def write_csv(path, header, rows, delimiter=",", encoding="utf-8"):
    with open(path, "w", newline="", encoding=encoding) as file:
        out = csv.writer(file, delimiter=delimiter)
        out.writerow(header)
        out.writerows(rows)


def counterfact(folder):
    original, flat = [], []
    for case, template, subject, true, new, paraphrases in FACTS:
        rewrite = {
            "prompt": template,
            "relation_id": "P0",
            "target_new": {"str": new, "id": "Q0"},
            "target_true": {"str": true, "id": "Q1"},
            "subject": subject,
        }
        filled = [p.format(subject) for p in paraphrases]
        others = {"neighborhood_prompts": [], "attribute_prompts": [], "generation_prompts": []}
        original.append({"case_id": case, "pararel_idx": case, "requested_rewrite": rewrite, "paraphrase_prompts": filled} | others)
        flat.append(
            {
                "case_id": case,
                "prompt": template.format(subject),
                "target_new": new,
                "subject": subject,
                "ground_truth": true,
                "rephrase_prompt": filled[1],
                "locality_prompt": filled[0],
                "locality_ground_truth": true,
            }
        )
    write_json(folder / "counterfact.json", original)
    write_json(folder / "flat.json", flat)
    for record in original:  # the hub's copy; an empty list of unknown type is of no use to parquet
        for name in ("neighborhood_prompts", "attribute_prompts", "generation_prompts"):
            record[name] = ["Nothing."]
    write_parquet(folder / "train-00000-of-00001.parquet", original)


def hotpotqa(folder):
    records = [{"question": q, "answer": a, "type": t} for q, a, t in HOTPOT]
    write_json(folder / "simplified.json", records)
    full = []
    for i, record in enumerate(records):
        extra = {"level": "hard", "supporting_facts": [["Vale", 0]], "context": [["Vale", ["Vale is a town."]]]}
        full.append({"_id": f"id{i}"} | record | extra)
    write_json(folder / "hotpot_dev_fullwiki_v1.json", full)
    hub = []
    for i, record in enumerate(records):
        facts = {"title": ["Vale"], "sent_id": [0]}
        context = {"title": ["Vale"], "sentences": [["Vale is a town."]]}
        hub.append({"id": f"id{i}"} | record | {"level": "hard", "supporting_facts": facts, "context": context})
    write_parquet(folder / "validation-00000-of-00001.parquet", hub)


def fever(folder):
    lines = []
    for i, (number, label, claim) in enumerate(CLAIMS):
        known = "NOT VERIFIABLE" if label == "NOT ENOUGH INFO" else "VERIFIABLE"
        evidence = [[[i, None, None, None]]] if known == "NOT VERIFIABLE" else [[[i, i + 1, "Vale", 0]]]
        lines.append({"id": number, "verifiable": known, "label": label, "claim": claim, "evidence": evidence})
    write_lines(folder / "paper_dev.jsonl", lines)
    keys = {"evidence_annotation_id": 1, "evidence_id": 2, "evidence_wiki_url": "Vale", "evidence_sentence_id": 0}
    write_parquet(folder / "paper_dev-00000-of-00001.parquet", [{"id": n, "label": l, "claim": c} | keys for n, l, c in CLAIMS])


def bios(folder):
    records = [{"hard_text": text, "profession": PROFESSIONS[p], "gender": g} for text, p, g in BIOS]
    write_parquet(folder / "dev-00000-of-00001.parquet", records)
    write_lines(folder / "dev.jsonl", records)
    write_csv(folder / "dev.csv", list(records[0]), [list(r.values()) for r in records])


def truthfulqa(folder):
    rows = [["Adversarial", c, q, best, "; ".join(right), "; ".join(wrong), "https://example.org"] for q, best, right, wrong, c in QUESTIONS]
    header = ["Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Source"]
    write_csv(folder / "TruthfulQA.csv", header, rows, encoding="utf-8-sig")
    task, hub = [], []
    for question, best, right, wrong, _ in QUESTIONS:
        one = {best: 1} | {w: 0 for w in wrong}
        two = {r: 1 for r in right} | {w: 0 for w in wrong}
        task.append({"question": question, "mc1_targets": one, "mc2_targets": two})
        lists = lambda targets: {"choices": list(targets), "labels": list(targets.values())}  # noqa: E731
        hub.append({"question": question, "mc1_targets": lists(one), "mc2_targets": lists(two)})
    write_json(folder / "mc_task.json", task)
    write_parquet(folder / "validation-00000-of-00001.parquet", hub)


CANARY = "A made-up file in the layout of BIG-bench; none of its records are from it."


def epistemic(folder):
    examples = [{"input": text, "target_scores": {c: int(c == label) for c in ("entailment", "non-entailment")}} for text, label in EPISTEMIC]
    prefixes = {"example_input_prefix": "\n", "choice_prefix": " option: ", "append_choices_to_input": False}
    task = {"canary": CANARY, "name": "epistemic_reasoning", "task_prefix": EPISTEMIC_PREFIX}
    write_json(folder / "task.json", task | prefixes | {"example_output_prefix": "\nRelation: ", "examples": examples})
    hub = []
    for i, (text, label) in enumerate(EPISTEMIC):
        choices = {"multiple_choice_targets": ["entailment", "non-entailment"], "multiple_choice_scores": [int(label == "entailment"), int(label != "entailment")]}
        hub.append({"inputs": f"{EPISTEMIC_PREFIX}\n{text}\nRelation:", "targets": [label]} | choices | {"idx": i})
    write_parquet(folder / "validation-00000-of-00001.parquet", hub)


def wikidataqa(folder):
    examples = [{"input": text, "target": targets if len(targets) > 1 else targets[0]} for text, targets in WIKIDATA]
    task = {"canary": CANARY, "name": "qa_wikidata", "example_input_prefix": "\n", "example_output_prefix": " "}
    write_json(folder / "task.json", task | {"examples": examples})
    empty = pyarrow.schema(
        [
            ("inputs", pyarrow.string()),
            ("targets", pyarrow.list_(pyarrow.string())),
            ("multiple_choice_targets", pyarrow.list_(pyarrow.string())),
            ("multiple_choice_scores", pyarrow.list_(pyarrow.int32())),
            ("idx", pyarrow.int32()),
        ]
    )
    rows = [{"inputs": t, "targets": a, "multiple_choice_targets": [], "multiple_choice_scores": [], "idx": i} for i, (t, a) in enumerate(WIKIDATA)]
    table = pyarrow.Table.from_pylist(rows, schema=empty)
    pyarrow.parquet.write_table(table, folder / "validation-00000-of-00001.parquet", compression="snappy")


def known(folder):
    keys = ["known_id", "subject", "attribute", "template", "prompt", "relation_id"]
    records = [dict(zip(keys, row)) | {"prediction": " nothing"} for row in KNOWN]
    write_json(folder / "known_1000.json", records)
    write_parquet(folder / "train-00000-of-00001.parquet", records)


def lambada(folder):
    records = [{"text": text} for text in STORIES]
    write_lines(folder / "lambada_test.jsonl", records)
    write_parquet(folder / "test-00000-of-00001.parquet", records)


def arc(folder):
    numbered, original, hub = [], [], []
    for name, question, choices, gold in SCIENCE:
        answers = " ".join(f"Answer{i + 1}: {c}" for i, c in enumerate(choices))
        names = "/".join(f"answer{i + 1}" for i in range(len(choices)))
        text = f"Please choose the correct answer to the question: {question}\n\n{answers}\n\nAnswer format: {names}"
        right = f"answer{gold + 1}"
        numbered.append({"instruction": text, "input": "", "output": f"the correct answer is {right}", "answer": right})
        labels = list("ABCD" if gold % 2 == 0 else "1234")[: len(choices)]
        stem = {"stem": question, "choices": [{"text": c, "label": l} for c, l in zip(choices, labels)]}
        original.append({"id": name, "question": stem, "answerKey": labels[gold]})
        hub.append({"id": name, "question": question, "choices": {"text": choices, "label": labels}, "answerKey": labels[gold]})
    write_json(folder / "test.json", numbered)
    write_lines(folder / "Test.jsonl", original)
    write_parquet(folder / "test-00000-of-00001.parquet", hub)


def piqa(folder):
    records = [{"goal": g, "sol1": a, "sol2": b} for g, a, b, _ in GOALS]
    write_lines(folder / "valid.jsonl", records)
    (folder / "valid-labels.lst").write_text("".join(f"{label}\n" for *_, label in GOALS))
    write_parquet(folder / "validation-00000-of-00001.parquet", [r | {"label": g[3]} for r, g in zip(records, GOALS)])


def hellaswag(folder):
    records = []
    for number, activity, first, second, endings, label in SCENES:
        ctx = {"ctx_a": first, "ctx_b": second, "ctx": f"{first} {second}".strip()}
        names = {"split": "val", "split_type": "indomain", "label": label, "endings": endings, "source_id": f"made~{number}"}
        records.append({"ind": number, "activity_label": activity} | ctx | names)
    write_lines(folder / "hellaswag_val.jsonl", records)
    write_parquet(folder / "validation-00000-of-00001.parquet", [r | {"label": str(r["label"])} for r in records])


def wikitext(folder):
    (folder / "test.txt").write_text(ARTICLES, encoding="utf-8")
    # The hub's rows are the file's lines; a line of one blank is an empty text there.
    lines = ["" if not line.strip() else line + "\n" for line in ARTICLES.split("\n")[:-1]]
    write_parquet(folder / "test-00000-of-00001.parquet", [{"text": line} for line in lines])


MAKERS = {
    "counterfact": counterfact,
    "hotpotqa": hotpotqa,
    "fever": fever,
    "bios": bios,
    "truthfulqa": truthfulqa,
    "bigbench-epistemic": epistemic,
    "bigbench-wikidataqa": wikidataqa,
    "known-1000": known,
    "lambada": lambada,
    "arc": arc,
    "piqa": piqa,
    "hellaswag": hellaswag,
    "wikitext-2": wikitext,
}
