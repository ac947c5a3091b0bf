"""Scores of items under a model of transformers: takes items of task_items, gives outcomes in nats.

One sequence a pass, no padding, log-probabilities in f64 from f32 logits: slow, and free of everything a fast
implementation must get right.
"""

import torch


def contains_word(text, word):
    """Whether `word` stands in `text` with no letter or digit beside it."""
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (at > 0 and before.isalnum()) and not after.isalnum():
            return True
        at = text.find(word, at + 1)
    return False


def matches(match, prompt, continuation, answers):
    """Whether a continuation has one of the answers, as `match` says."""
    text = (prompt + continuation if match == "prompt+continuation" else continuation).strip().lower()
    wanted = [a.strip().lower() for a in answers]
    return any(contains_word(text, a) if match == "word" else a in text for a in wanted)


class Scorer:
    """What both kinds of model share."""

    def __init__(self, model, tokenizer, eos=()):
        self.model, self.tokenizer, self.eos = model, tokenizer, set(eos)

    def ids(self, text, special=True):
        return self.tokenizer(text, add_special_tokens=special).input_ids

    def text(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def answer_length(self, ids, answer):
        """Tokens of the shortest end of `ids` that reads as the answer, trimmed."""
        for n in range(1, len(ids) + 1):
            if self.tokenizer.decode(ids[-n:], clean_up_tokenization_spaces=False).strip() == answer.strip():
                return n
        raise ValueError(f"{answer!r} is not the end of {self.tokenizer.decode(ids)!r}")

    def choice(self, item, task):
        """Outcome of a choice; a tie of the right answer with another is wrong."""
        found = [self.likelihood(item, choice, task) for choice in item.choices]
        divisor = [len(c) if task.length == "character" else 1 for c in item.choices]
        value = [f["logprob"] / d for f, d in zip(found, divisor)]
        rival = max((k for k in range(len(value)) if k != item.gold), key=lambda k: value[k])
        correct = value[item.gold] > value[rival]
        gold = found[item.gold]
        return {
            "correct": correct,
            "logprob": gold["logprob"],
            "answer_tokens": gold["tokens"],
            "margin": value[item.gold] - value[rival],
            "prediction": item.choices[item.gold if correct else rival],
            "candidates": [{"logprob": f["logprob"], "greedy": f["greedy"]} for f in found],
        }

    def whole(self, item, task):
        """Outcome where a whole answer, the first or an alias, must be the most likely text."""
        found = [self.likelihood(item, answer, task) for answer in item.answers]
        return {
            "correct": any(f["greedy"] for f in found),
            "logprob": found[0]["logprob"],
            "answer_tokens": found[0]["tokens"],
            "margin": max(f["margin"] for f in found),
            "prediction": found[0]["all" if isinstance(self, Masked) else "top"],
            "candidates": [{"logprob": f["logprob"], "greedy": f["greedy"]} for f in found],
        }

    def top1(self, item, task):
        """Outcome where the most likely token, trimmed and in lower case, must be the answer."""
        found = self.likelihood(item, item.answers[0], task)
        correct = found["top"].strip().lower() == item.answers[0].strip().lower()
        rest = {"logprob": found["logprob"], "answer_tokens": found["tokens"], "margin": found["first"]}
        return {"correct": correct} | rest | {"prediction": found["top"]}

    def generated(self, item, task):
        """Outcome where a text of the model's own must have an answer in it."""
        text, ids, closest = self.continuation(item, task)
        for end in task.until:
            text = text.split(end)[0]
        found = self.likelihood(item, item.answers[0], task)
        return {
            "correct": matches(task.match, item.prompt, text, item.answers),
            "logprob": found["logprob"],
            "answer_tokens": found["tokens"],
            "margin": found["margin"],
            "prediction": text,
            "tokens": ids,
            "closest": closest,
        }

    def outcome(self, item, task):
        score = {"choice": self.choice, "greedy": self.whole, "top1": self.top1, "generate": self.generated}
        return score[task.score](item, task)


def summed(logits, ids, decode):
    """Log-probability, greediness and margins of `ids` under rows of logits, and the texts of the best tokens."""
    rows = logits.double().log_softmax(-1)
    own = rows.gather(1, torch.tensor(ids).unsqueeze(1))[:, 0]
    others = rows.clone().scatter_(1, torch.tensor(ids).unsqueeze(1), float("-inf")).max(-1).values
    margins = own - others
    best = rows.argmax(-1).tolist()
    found = {"logprob": own.sum().item(), "tokens": len(ids), "margin": margins.min().item(), "first": margins[0].item()}
    return found | {"greedy": found["margin"] > 0, "top": decode(best[:1]), "all": decode(best)}


class Causal(Scorer):
    """A model that continues a text."""

    def split(self, item, answer, boundary):
        """(all tokens, how many at their end are the answer's)."""
        prompt = self.ids(item.prompt)
        if boundary == "apart":
            tokens = self.ids(" " + answer, special=False)
            return prompt + tokens, len(tokens)
        whole = self.ids(f"{item.prompt} {answer}")
        return whole, self.answer_length(whole, answer) if boundary == "suffix" else len(whole) - len(prompt)

    @torch.no_grad()
    def likelihood(self, item, answer, task):
        ids, n = self.split(item, answer, task.boundary)
        logits = self.model(torch.tensor([ids]), use_cache=False, logits_to_keep=n + 1).logits[0, :-1]
        return summed(logits, ids[-n:], self.text)

    @torch.no_grad()
    def continuation(self, item, task):
        """(text, its tokens, the smallest distance of the best logit from the second)."""
        ids, cache, found, closest = self.ids(item.prompt), None, [], float("inf")
        step = ids
        for i in range(task.max_tokens):
            out = self.model(torch.tensor([step]), past_key_values=cache, use_cache=True, logits_to_keep=1)
            logits, cache = out.logits[0, -1], out.past_key_values
            best, second = logits.topk(2).values
            closest = min(closest, (best - second).item())
            token = logits.argmax().item()
            if token in self.eos:
                break
            found.append(token)
            step = [token]
        return self.text(found), found, closest

    @torch.no_grad()
    def perplexity(self, text, window, stride):
        """Sums over what each window scores: its tokens that none before it did, the text's first token never."""
        ids = self.ids(text)
        runs, done = [], 1
        for begin in range(0, len(ids), stride):
            end = min(begin + window, len(ids))
            logits = self.model(torch.tensor([ids[begin:end]]), use_cache=False).logits[0, done - begin - 1 : -1]
            own = logits.gather(1, torch.tensor(ids[done:end]).unsqueeze(1))[:, 0].double()
            own -= torch.cat([rows.double().logsumexp(-1) for rows in logits.split(64)])
            runs.append([done, end, own.sum().item()])
            done = end
            if end == len(ids):
                break
        return {"tokens": len(ids), "scored": len(ids) - 1, "logprob": sum(r[2] for r in runs), "runs": runs}


class Masked(Scorer):
    """A model that fills masks, each on its own in one pass."""

    def render(self, item, masks):
        return item.prompt + (" " + self.tokenizer.mask_token) * masks + item.suffix

    def at_masks(self, ids):
        """Logits at every mask."""
        with torch.no_grad():
            logits = self.model(torch.tensor([ids])).logits[0]
        return logits[torch.tensor(ids) == self.tokenizer.mask_token_id]

    def likelihood(self, item, answer, task):
        if task.boundary == "suffix":
            ids = self.ids(f"{item.prompt} {answer}", special=False)
            n = self.answer_length(ids, answer)
            found = summed(self.at_masks(ids[:-n] + [self.tokenizer.mask_token_id] * n), ids[-n:], self.text)
            return found | {"tokens": n + 1}  # the paper's code divides by one more than there are
        tokens = self.ids(" " + answer, special=False)
        return summed(self.at_masks(self.ids(self.render(item, len(tokens)))), tokens, self.text)

    def continuation(self, item, task):
        logits = self.at_masks(self.ids(self.render(item, task.max_tokens)))
        best = logits.topk(2).values
        ids = logits.argmax(-1).tolist()
        return self.text(ids), ids, (best[:, 0] - best[:, 1]).min().item()
