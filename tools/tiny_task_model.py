"""A tiny RoBERTa with a tokenizer: gives goldens/tasks/tiny-roberta, for what masked models are asked.

Seeded weights, wide enough for every mask to have a clear favourite; a byte-level vocabulary trained on the text
below, in which the labels of all tasks and the commonest short answers are single tokens.
"""

import json

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

SEED, VOCAB, POSITIONS = 20240502, 600, 386
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]

LABELS = "true false male female journalist poet composer model teacher architect painter professor"
ANSWERS = """Paris London Rome Berlin Europe Asia Africa Antarctica English French German Italian Russian Spanish guitar piano
France Italy Germany Canada Japan India Spain Sweden Norway football hockey jazz opera Microsoft Apple Google BBC Boston actor
politician soccer basketball Toronto physics baseball Finland Australia Chicago Islam yes no"""
PROSE = """Consider the following claim: Is this claim true or false. The claim is
Consider the following text: Is the person in this text a male or female? This person is
The profession of the person in the text is called
Is this statement true or false? This statement is
The answer is entailment non-entailment Premise: Hypothesis: Relation: thinks that understands believes knows
The mother tongue of the singer is known for the continent, and the country of the river is in the north of it.
Who was born in the town where the river flows past the bridge? What is the capital, and which is the largest?"""


def words():
    """The training text: what must be one token is said most often."""
    for word in LABELS.split() + ANSWERS.split():
        yield f"it {word} it. " * 60
    yield PROSE * 8


def build_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # As RoBERTa's own: the mask takes the blank before it along.
    special = [AddedToken(s, normalized=False, special=True, lstrip=s == "<mask>") for s in SPECIAL]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=special,
        show_progress=False,
    )
    tokenizer.train_from_iterator(words(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    for word in LABELS.split():
        if len(tokenizer.encode(" " + word, add_special_tokens=False).ids) != 1:
            raise SystemExit(f"{word} is not one token: train with more of it")
    return tokenizer


def write(folder):
    """Writes config, weights, tokenizer and its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = dict(zip(["bos_token", "pad_token", "eos_token", "unk_token", "mask_token"], SPECIAL))
    settings = names | {"cls_token": "<s>", "sep_token": "</s>", "tokenizer_class": "RobertaTokenizer", "add_prefix_space": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    config = {
        "architectures": ["RobertaForMaskedLM"],
        "model_type": "roberta",
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    model = RobertaForMaskedLM(RobertaConfig(**config))
    stream = torch.Generator().manual_seed(SEED)
    tensors = {}
    for name, tensor in sorted(model.state_dict().items()):
        if name in ("lm_head.decoder.weight", "lm_head.decoder.bias") or "position_ids" in name or "token_type_ids" in name:
            continue  # the head is the embedding; its bias is lm_head.bias
        noise = torch.randn(tensor.shape, generator=stream)
        if "LayerNorm.weight" in name or "layer_norm.weight" in name:
            tensors[name] = 1 + 0.2 * noise
        elif tensor.dim() == 1:
            tensors[name] = 0.3 * noise
        else:
            wide = 0.5 if "embeddings" in name else 1.4 / tensor.shape[1] ** 0.5
            tensors[name] = wide * noise
    # Words are likelier than pieces, so that what fills a mask is at times right.
    for word in LABELS.split() + ANSWERS.split():
        tensors["lm_head.bias"][tokenizer.encode(" " + word, add_special_tokens=False).ids[0]] += 4
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def load(folder):
    """(model, tokenizer) as written."""
    model, seen = RobertaForMaskedLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    missing = [n for n in seen["missing_keys"] if not n.startswith("lm_head.decoder")]
    if missing or seen["unexpected_keys"]:
        raise SystemExit(f"{folder}: {missing or seen['unexpected_keys']}")
    file = Tokenizer.from_file(str(folder / "tokenizer.json"))
    mask = AddedToken("<mask>", normalized=False, special=True, lstrip=True)
    names = dict(bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token=mask)
    return model.eval(), PreTrainedTokenizerFast(tokenizer_object=file, **names)
