"""Recounts the documents of a corpus by plain search, and compares every line of a file of `laser corpus count`.

    python tools/check_corpus_counts.py freq.jsonl --corpus wikitext.jsonl [--data known_1000.json]

Shares nothing with the program: `str.find` for each name in each document, no automaton and no hashes. The rules are those
of the default: letters as they are, NFC, one blank for a run of white space, no letter or digit before and after a mention,
a document is the window. `--data` also checks that the file has the subject and the answer of each item of known-1000 or of
the flat CounterFact. Standard library only. Exit code 1 if a line differs.
"""

import argparse
import bisect
import json
import pathlib
import sys
import unicodedata


def canonical(text):
    return " ".join(unicodedata.normalize("NFC", text).split())


def documents(path, split):
    """The documents of a file of JSON lines or of plain text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        for line in text.split("\n"):
            if line.strip():
                value = json.loads(line)
                yield value if isinstance(value, str) else value["text"]
    elif split == "file":
        yield text
    else:
        paragraph = []
        for line in text.split("\n") + [""]:
            if line.strip():
                paragraph.append(line)
            elif paragraph:
                yield "\n".join(paragraph)
                paragraph = []


def mentions(text, name):
    """Start and end of every mention, also of overlapping ones."""
    found = []
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if not (at > 0 and text[at - 1].isalnum()) and not (end < len(text) and text[end].isalnum()):
            found.append((at, end))
        at = text.find(name, at + 1)
    return found


def in_words(text, starts, spans):
    """The first and the last word of each mention, as numbers of words of the text."""
    words = []
    for start, end in spans:
        inside = [i for i in range(start, end) if text[i].isalnum()]
        if inside:
            words.append(tuple(bisect.bisect_right(starts, i) - 1 for i in (inside[0], inside[-1])))
    return words


def distance(a, b):
    """Words from one mention to another: 1 for neighbours, 0 where they overlap."""
    return max(0, b[0] - a[1], a[0] - b[1])


def recount(items, corpus, split):
    """Number of documents with subject, answer and both, and the smallest distance, of each item."""
    names = sorted({canonical(item[key]) for item in items for key in ("subject", "answer")})
    single, both, nearest = dict.fromkeys(names, 0), {}, {}
    pairs = {}
    for item in items:
        pairs.setdefault(canonical(item["subject"]), set()).add(canonical(item["answer"]))
    number = 0
    for path in corpus:
        for document in documents(path, split):
            text = canonical(document)
            if not text:
                continue
            number += 1
            spans = {name: found for name in names if (found := mentions(text, name))}
            starts = [i for i, c in enumerate(text) if c.isalnum() and not (i and text[i - 1].isalnum())]
            words = {}
            for name in spans:
                single[name] += 1
            for subject in spans.keys() & pairs.keys():
                for answer in pairs[subject] & spans.keys():
                    both[subject, answer] = both.get((subject, answer), 0) + 1
                    for name in (subject, answer):
                        words.setdefault(name, in_words(text, starts, spans[name]))
                    near = [distance(a, b) for a in words[subject] for b in words[answer]]
                    if near:
                        nearest[subject, answer] = min([nearest.get((subject, answer), min(near))] + near)
    return number, single, both, nearest


def published(path):
    """Subject and answer of each record of known-1000 or of the flat CounterFact, by identifier."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    records = {}
    for record in (record for file in files for record in json.loads(file.read_text(encoding="utf-8"))):
        if "known_id" in record:
            records[str(record["known_id"])] = (record["subject"].strip(), record["attribute"].strip())
        else:
            records[str(record["case_id"])] = (record["subject"].strip(), record["ground_truth"].strip())
    return records


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("frequency", type=pathlib.Path, help="the file of `laser corpus count`")
    arguments.add_argument("--corpus", nargs="+", required=True, type=pathlib.Path, help="files: .jsonl or plain text")
    arguments.add_argument("--split", choices=["file", "blank-lines"], default="file", help="documents of plain text")
    arguments.add_argument("--data", type=pathlib.Path, help="known_1000.json, or files of the flat CounterFact")
    arguments = arguments.parse_args()
    items = [json.loads(line) for line in arguments.frequency.read_text(encoding="utf-8").splitlines()]
    wrong = 0
    if arguments.data:
        records = published(arguments.data)
        found = {item["id"]: (item["subject"].strip(), item["answer"].strip()) for item in items}
        wrong += sum(records.get(key) != value for key, value in found.items()) + abs(len(records) - len(found))
        print(f"{len(found)} items, {len(records)} records of the data, {wrong} that differ")
    number, single, both, nearest = recount(items, arguments.corpus, arguments.split)
    totals = [0, 0, 0]
    for item in items:
        subject, answer = canonical(item["subject"]), canonical(item["answer"])
        expected = {
            "documents": both.get((subject, answer), 0),
            "subject_documents": single[subject],
            "answer_documents": single[answer],
            "nearest_words": nearest.get((subject, answer)),
        }
        totals = [total + (count > 0) for total, count in zip(totals, list(expected.values())[:3])]
        for key, value in expected.items():
            if item[key] != value:
                wrong += 1
                print(f"item {item['id']} ({subject!r}, {answer!r}): {key} is {item[key]}, recounted {value}")
    print(f"{number} documents; of {len(items)} items {totals[1]} with their subject, {totals[2]} with their answer, "
          f"{totals[0]} with both")
    print("every line agrees" if wrong == 0 else f"{wrong} differences")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
