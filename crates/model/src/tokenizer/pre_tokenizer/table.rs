//! The table of pre-tokenizers: the names that llama.cpp gives them (`tokenizer.ggml.pre`), and their rules.
//!
//! Left out are names of vocabularies that are not byte-level (`gemma4`, `sarvam-moe`, `whitespace`), of encoders, which
//! are not read from GGUF (`jina-…`, `roberta-bpe`, `modern-bert`, `granite-embed-…`), and those that llama.cpp splits by
//! code of its own instead of rules (`kimi-k2`, `afmoe`).

use super::PreTokenizer;
use super::SplitRule::{Around, Bytes, DigitRuns, Digits, SignRuns, Signs};
use super::patterns::{
    BLOOM, DEEPSEEK_LLM_SIGNS, DEEPSEEK_LLM_WORDS, DEEPSEEK_SCRIPTS, DEEPSEEK_V3, EXAONE_MOE, GPT2, GPT4O,
    HAN_AND_KANA, JAIS2, LLAMA3, MINICPM5, QWEN2, QWEN35, SEED_CODER, SPARK, TEKKEN, UFAKZEKA, YOUTU, YOUTU_SCRIPTS,
};

/// Values that most entries share.
const PLAIN: PreTokenizer = PreTokenizer { names: &[], rules: &[], nfc: false, ignore_merges: false, add_bos: false };

/// All supported pre-tokenizers.
pub(super) static TABLE: &[PreTokenizer] = &[
    PreTokenizer {
        // llama.cpp's choice for files without the key.
        names: &["default"],
        rules: &[Around(r"[\p{P}\$\+<=>\^~\|]+"), Around(GPT2), Around(r"\p{N}+"), Around("[0-9][0-9][0-9]")],
        ..PLAIN
    },
    PreTokenizer {
        names: &["gpt-2", "phi-2", "jais", "gigachat", "a.x-4.0", "mellum", "exaone4", "trillion", "granite-docling"],
        rules: &[Around(GPT2)],
        ..PLAIN
    },
    // These models have the tokenizer of GPT-NeoX.
    PreTokenizer { names: &["olmo", "mpt"], rules: &[Around(GPT2)], nfc: true, ..PLAIN },
    PreTokenizer {
        names: &["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"],
        rules: &[Digits, Around(GPT2)],
        ..PLAIN
    },
    PreTokenizer { names: &["command-r"], rules: &[Digits, Around(GPT2)], nfc: true, ..PLAIN },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "midm-2.0", "lfm2"],
        rules: &[Around(LLAMA3)],
        ignore_merges: true,
        add_bos: true,
        ..PLAIN
    },
    PreTokenizer { names: &["dbrx", "smaug-bpe", "chatglm-bpe"], rules: &[Around(LLAMA3)], ..PLAIN },
    PreTokenizer { names: &["glm4"], rules: &[Around(LLAMA3)], ignore_merges: true, ..PLAIN },
    PreTokenizer { names: &["jais-2"], rules: &[Around(JAIS2)], ..PLAIN },
    PreTokenizer {
        names: &["minicpm5"],
        rules: &[Around(r"\p{N}{1,3}"), Around(MINICPM5)],
        ignore_merges: true,
        ..PLAIN
    },
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen", "megrez", "kormo", "f2llmv2", "stablelm2"],
        rules: &[Around(QWEN2)],
        nfc: true,
        ..PLAIN
    },
    PreTokenizer {
        // The last three write Qwen 2's rule in other words.
        names: &["hunyuan", "solar-open", "grok-2", "bailingmoe", "bailingmoe2", "llada-moe"],
        rules: &[Around(QWEN2)],
        ..PLAIN
    },
    PreTokenizer { names: &["qwen35"], rules: &[Around(QWEN35)], nfc: true, ..PLAIN },
    PreTokenizer { names: &["ufakzeka"], rules: &[Around(UFAKZEKA)], ..PLAIN },
    PreTokenizer { names: &["seed-coder"], rules: &[Around(SEED_CODER)], ..PLAIN },
    PreTokenizer { names: &["laguna"], rules: &[Around(r"[^\n]+|[\n]+"), Around(QWEN2)], ..PLAIN },
    PreTokenizer { names: &["exaone-moe"], rules: &[Around(EXAONE_MOE)], ..PLAIN },
    PreTokenizer { names: &["tekken"], rules: &[Around(TEKKEN)], ignore_merges: true, add_bos: true, ..PLAIN },
    PreTokenizer { names: &["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], rules: &[Around(GPT4O)], ..PLAIN },
    PreTokenizer {
        names: &["tiny_aya", "cohere2moe"],
        // Groups of three digits, counted from the end of the number.
        rules: &[Around(r"\d{1,3}(?=(?:\d{3})*\b)"), Around(GPT4O)],
        ..PLAIN
    },
    PreTokenizer { names: &["youtu"], rules: &[Around(YOUTU_SCRIPTS), Around(YOUTU)], ignore_merges: true, ..PLAIN },
    PreTokenizer {
        names: &["deepseek-llm"],
        rules: &[
            Around(r"[\r\n]"),
            Around(DEEPSEEK_LLM_WORDS),
            Around(DEEPSEEK_LLM_SIGNS),
            Around(r"\s+$"),
            Around(DEEPSEEK_SCRIPTS),
            Digits,
        ],
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-coder"],
        rules: &[Around(r"[\r\n]"), Around(r"\s?\p{L}+"), Around(r"\s?\p{P}+"), Around(DEEPSEEK_SCRIPTS), Digits],
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
        rules: &[Around(r"\p{N}{1,3}"), Around(HAN_AND_KANA), Around(DEEPSEEK_V3)],
        ..PLAIN
    },
    PreTokenizer {
        names: &["spark2_5"],
        rules: &[Around(r"\p{N}{1,3}"), Around(HAN_AND_KANA), Around(SPARK), Around(r"\p{N}")],
        ..PLAIN
    },
    PreTokenizer {
        names: &["falcon"],
        // The last two rules see bytes spelled as characters, of which ² and ¾ count as digits.
        rules: &[SignRuns, Bytes, DigitRuns, Around("[0-9][0-9][0-9]")],
        ..PLAIN
    },
    PreTokenizer { names: &["bloom", "poro-chat", "gpt3-finnish"], rules: &[Around(BLOOM)], ..PLAIN },
    PreTokenizer { names: &["viking"], rules: &[Around(BLOOM), Digits], ..PLAIN },
    PreTokenizer {
        names: &["chameleon"],
        rules: &[
            Around("<sentinel:[0-9]+>"),
            Around("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
            Around(r"([\t\n]|    |  )"),
            Digits,
            Signs,
            Around(GPT2),
        ],
        add_bos: true,
        ..PLAIN
    },
    PreTokenizer {
        names: &["superbpe"],
        // Numbers, cut before every third digit from the end; words stay together.
        rules: &[Around(r"\p{N}+"), Around(r"(?=(\d{3})+(?!\d))")],
        ..PLAIN
    },
];
