"""Twenty AdamW steps of tiny models in PyTorch, for the lab's trainer: goldens/training.

    python tools/make_training_goldens.py

For each architecture: the initial weights as a Hugging Face folder, the batches, and after each step the loss and after
the last one the weights' sums. Versions go into goldens/training/versions.json.
"""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import DecisionTransformerConfig, DecisionTransformerModel
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

OUT = Path(__file__).parent.parent / "goldens" / "training"
STEPS, BATCH, LENGTH = 20, 6, 8
RATE, DECAY, BETAS, EPS, CLIP = 3e-3, 0.05, (0.9, 0.95), 1e-8, 1.0


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    sizes = {"vocab_size": 31, "bos_token_id": 0, "eos_token_id": 1}
    llama = LlamaConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=16, tie_word_embeddings=True, initializer_range=0.2, **sizes,
    )
    gpt2 = GPT2Config(
        n_embd=16, n_layer=2, n_head=4, n_positions=16, activation_function="relu", initializer_range=0.2,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, **sizes,
    )
    decision = DecisionTransformerConfig(
        state_dim=7, act_dim=4, hidden_size=16, n_layer=2, n_head=4, max_ep_len=16, action_tanh=False,
        initializer_range=0.2, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )
    train_text("llama", LlamaForCausalLM(llama))
    train_text("gpt2", GPT2LMHeadModel(gpt2))
    train_decision("decision-transformer", DecisionTransformerModel(decision))
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    (OUT / "versions.json").write_text(json.dumps(versions) + "\n", encoding="utf-8")


def train_text(name, model):
    """Next tokens of random sequences, which repeat, so that the loss falls."""
    sequences = torch.randint(2, 31, (BATCH, LENGTH))
    batches = [{"tokens": sequences[torch.randperm(BATCH)].tolist()} for _ in range(STEPS)]

    def loss(batch):
        tokens = torch.tensor(batch["tokens"])
        logits = model(tokens).logits[:, :-1]
        return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))

    train(name, model, batches, loss)


def train_decision(name, model):
    """The action of every step of random trajectories."""
    steps = 4
    batches = []
    for _ in range(STEPS):
        batches.append({
            "returns": torch.randn(BATCH, steps).tolist(),
            "states": torch.randn(BATCH, steps, 7).tolist(),
            "actions": torch.nn.functional.one_hot(torch.randint(0, 4, (BATCH, steps)), 4).tolist(),
            "time_steps": [list(range(i, i + steps)) for i in range(BATCH)],
        })

    def loss(batch):
        states, actions = torch.tensor(batch["states"]), torch.tensor(batch["actions"]).float()
        logits = model(
            states=states, actions=actions, rewards=torch.zeros(BATCH, steps, 1),
            returns_to_go=torch.tensor(batch["returns"]).unsqueeze(-1), timesteps=torch.tensor(batch["time_steps"]),
            attention_mask=torch.ones(BATCH, steps),
        ).action_preds
        return torch.nn.functional.cross_entropy(logits.reshape(-1, 4), actions.argmax(-1).reshape(-1))

    train(name, model, batches, loss)


def train(name, model, batches, loss):
    folder = OUT / name
    folder.mkdir(exist_ok=True)
    model.config.save_pretrained(folder)
    state = {key: value.clone().contiguous() for key, value in model.state_dict().items() if key != "lm_head.weight"}
    save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=EPS)
    losses, norms = [], []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(batch)
        value.backward()
        losses.append(value.item())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimizer.step()
    settings = {"rate": RATE, "decay": DECAY, "betas": BETAS, "eps": EPS, "clip": CLIP}
    golden = {"settings": settings, "batches": batches, "losses": losses, "norms": norms}
    (folder / "steps.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")
    print(name, losses[0], losses[-1])


if __name__ == "__main__":
    main()
