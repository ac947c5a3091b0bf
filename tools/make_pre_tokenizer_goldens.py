"""Writes goldens/tokenizer/pre_tokenizers.json: token ids under every pre-tokenizer that GGUF files name.

    python tools/make_pre_tokenizer_goldens.py goldens/tokenizer

The texts are those of splits.json and a few more. There is one vocabulary for all names, trained on whole texts, so that its merges
reach across words, digits and line ends: wherever two pre-tokenizers cut differently, the ids differ. Normalizer and
pre-tokenizer of each name are written as in `tokenizer.json` of the models that llama.cpp gives the name to, or, where
we have not seen that file, as llama.cpp has them. Needs the package tokenizers only.
"""

import argparse
import importlib.metadata
import json
import pathlib

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

MORE_TEXTS = [
    "'tis 'twas 'tis 'twas 'Tis the season's 'tis",
    "Ankara'dan İstanbul'dan dan dan dan " * 20,
    "1234567 12345 123456789 1,234,567 12345a 1234 567",
    "ราคา ๑๒๓ บาท ราคา 1234 บาท",
    "the the the cat sat on the mat\n\n\nthe cat\n\n\n\nsat",
    "price:\n$5\n\n$6//\n// x /\n",
    "tabs\t\tand    four     five        eight                 many",
    "HTMLParser parseHTML iPhone McDonald O'Neil's DON'T",
    "الكتاب ١٢٣٤ والكتاب ٥٦، والكتاب",
    "IMGIMGABCZ <sentinel:12> x",
    "안녕 하세요 안녕 하세요 안녕",
    "é á á é á é",
]

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BLANKS = r"\s*[\r\n]+|\s+(?!\S)|\s+"


def words(numbers, letters=r"\p{L}+", signs=r" ?[^\s\p{L}\p{N}]+[\r\n]*", blanks=BLANKS, contractions=CONTRACTIONS):
    """The form of GPT-4's pattern that most later models vary."""
    parts = [contractions, rf"[^\r\n\p{{L}}\p{{N}}]?{letters}", numbers, signs, blanks]
    return "|".join(part for part in parts if part)


def cased(numbers, ending=""):
    """The form of GPT-4o's pattern, which also cuts between lower and upper case."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    start = r"[^\r\n\p{L}\p{N}]?"
    signs = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"
    return f"{start}{upper}*{lower}+{ending}|{start}{upper}+{lower}*{ending}|{numbers}|{signs}|{BLANKS}"


LLAMA3 = words(r"\p{N}{1,3}")
QWEN2 = words(r"\p{N}")
GPT4O = cased(r"\p{N}{1,3}", CONTRACTIONS + "?")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
DEEPSEEK_V3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
HAN_AND_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
# Letters with upper and lower case, of the Unicode version of that time.
DEEPSEEK_LETTERS = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376"
    "\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-"
    "\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a"
    "\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4"
    "\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
    "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f"
    "\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b"
    "\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a"
    "\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2"
    "\U000118a0-\U000118df\U0001e900-\U0001e943"
)


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def byte_level(use_regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


DIGITS = {"type": "Digits", "individual_digits": True}
NFC = {"type": "NFC"}


def patterns(*steps):
    return {"type": "Sequence", "pretokenizers": [*map(split, steps), byte_level(False)]}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


# Names, pre-tokenizer, normalizer, and whether a piece that is a token stays whole.
DEFINITIONS = [
    (
        ["default"],
        patterns(r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"),
        None,
        False,
    ),
    (
        ["gpt-2", "phi-2", "jais", "gigachat", "a.x-4.0", "mellum", "exaone4", "trillion", "granite-docling"],
        byte_level(True),
        None,
        False,
    ),
    # GPT-NeoX's tokenizer.
    (["olmo", "mpt"], byte_level(True), NFC, False),
    (
        ["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"],
        sequence(DIGITS, byte_level(True)),
        None,
        False,
    ),
    (["command-r"], sequence(DIGITS, byte_level(True)), NFC, False),
    (["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "midm-2.0", "lfm2"], patterns(LLAMA3), None, True),
    (["dbrx", "smaug-bpe", "chatglm-bpe"], patterns(LLAMA3), None, False),
    (["glm4"], patterns(LLAMA3), None, True),
    (
        ["jais-2"],
        patterns(
            words(
                r"\p{N}{1,3}",
                blanks=r"\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)"
                r"|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}",
            )
        ),
        None,
        False,
    ),
    (["minicpm5"], patterns(r"\p{N}{1,3}", words(r"\p{N}+")), None, True),
    (["qwen2", "deepseek-r1-qwen", "megrez", "kormo", "f2llmv2", "stablelm2"], patterns(QWEN2), NFC, False),
    (["hunyuan", "solar-open", "grok-2"], patterns(QWEN2), None, False),
    (
        ["qwen35"],
        patterns(words(r"\p{N}", letters=r"[\p{L}\p{M}]+", signs=r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*")),
        NFC,
        False,
    ),
    (["ufakzeka"], patterns(words(r"\p{N}", contractions=None)), None, False),
    (["seed-coder"], patterns(words(r"\p{N}{1}", signs=r" ?[^\s\p{L}\p{N}\r\n]+")), None, False),
    (["laguna"], patterns(r"[^\n]+|[\n]+", QWEN2), None, False),
    (
        ["exaone-moe"],
        patterns(
            words(
                r"\p{N}",
                letters=r"(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+",
                signs=r" ?[^\s\p{L}\p{N}]+[\r\n/]?",
                blanks=r"\s*[\r\n]|\s+(?!\S)|\s+",
            )
        ),
        None,
        False,
    ),
    (
        ["bailingmoe", "bailingmoe2", "llada-moe"],
        patterns(
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
        ),
        None,
        False,
    ),
    (["tekken"], patterns(cased(r"\p{N}")), None, True),
    (["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], patterns(GPT4O), None, False),
    (["tiny_aya", "cohere2moe"], patterns(r"\d{1,3}(?=(?:\d{3})*\b)", GPT4O), None, False),
    (
        ["youtu"],
        patterns(
            "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f"
            "\ufe30-\ufe4f]+|[\u3105-\u312f]+|" + HAN_AND_KANA,
            cased(r"\p{N}", CONTRACTIONS + "?"),
        ),
        None,
        True,
    ),
    (
        ["deepseek-llm"],
        sequence(
            split("[\r\n]"),
            split(rf"\s?[{DEEPSEEK_LETTERS}]+"),
            split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
            split(r"\s+$"),
            split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            DIGITS,
            byte_level(False),
        ),
        None,
        False,
    ),
    (
        ["deepseek-coder"],
        sequence(
            split("[\r\n]"),
            split(r"\s?\p{L}+"),
            split(r"\s?\p{P}+"),
            split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            DIGITS,
            byte_level(False),
        ),
        None,
        False,
    ),
    (
        ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
        patterns(r"\p{N}{1,3}", HAN_AND_KANA, DEEPSEEK_V3),
        None,
        False,
    ),
    (
        ["spark2_5"],
        patterns(
            r"\p{N}{1,3}",
            HAN_AND_KANA,
            DEEPSEEK_V3.replace(r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+", r" ?[\p{P}\p{S}]+|[\r\n]"),
            r"\p{N}",
        ),
        None,
        False,
    ),
    (
        ["falcon"],
        sequence(
            {"type": "Punctuation", "behavior": "Contiguous"},
            byte_level(True),
            {"type": "Digits", "individual_digits": False},
            split("[0-9][0-9][0-9]"),
        ),
        None,
        False,
    ),
    (["bloom", "poro-chat", "gpt3-finnish"], patterns(BLOOM), None, False),
    (["viking"], sequence(split(BLOOM), DIGITS, byte_level(False)), None, False),
    (
        ["chameleon"],
        sequence(
            split("<sentinel:[0-9]+>"),
            split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
            split(r"([\t\n]|    |  )"),
            DIGITS,
            {"type": "Punctuation", "behavior": "Isolated"},
            byte_level(True),
        ),
        None,
        False,
    ),
    (["superbpe"], patterns(r"\p{N}+", r"(?=(\d{3})+(?!\d))"), None, False),
]


def train(texts):
    """A byte-level vocabulary whose merges know no words, and some words that no merge makes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=900, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    tokens += [word for word in ["\u0120France", "Hello", "Pascal", "camel", "ABC"] if word not in model["vocab"]]
    return tokens, model["merges"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    texts = json.loads((out / "splits.json").read_text())["texts"] + MORE_TEXTS
    tokens, merges = train(texts)
    groups = []
    for names, pre_tokenizer, normalizer, ignore_merges in DEFINITIONS:
        definition = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": None,
            "decoder": byte_level(True),
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": ignore_merges,
                "vocab": {token: id for id, token in enumerate(tokens)},
                "merges": merges,
            },
        }
        tokenizer = Tokenizer.from_str(json.dumps(definition))
        ids = [tokenizer.encode(text).ids for text in texts]
        kept = {key: definition[key] for key in ["normalizer", "pre_tokenizer"]} | {"ignore_merges": ignore_merges}
        groups.append({"names": names, "definition": kept, "ids": ids})
    golden = {
        "versions": {"tokenizers": importlib.metadata.version("tokenizers")},
        "texts": texts,
        "tokens": tokens,
        "merges": [" ".join(pair) for pair in merges],
        "groups": groups,
    }
    text = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    # One group a line keeps the file readable in a diff.
    (out / "pre_tokenizers.json").write_text(text.replace('{"names"', '\n{"names"') + "\n")
    alike = [
        (a["names"][0], b["names"][0]) for i, a in enumerate(groups) for b in groups[:i] if a["ids"] == b["ids"]
    ]
    print(f"{len(tokens)} tokens, {sum(len(g['names']) for g in groups)} names; groups that these texts do not tell apart: {alike}")


if __name__ == "__main__":
    main()
