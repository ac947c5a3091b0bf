"""Writes goldens/chat/*.json: what transformers' apply_chat_template makes of templates and questions.

    python tools/make_chat_goldens.py --smollm2 FILE.gguf goldens/chat

templates.json  templates written here, in the manner of those that models have, with everything rendered from them
smollm2.json    the template of the GGUF (which is not stored: only its SHA-256 is)

Every conversation is one question, with and without a system's turn, up to where the assistant would answer. The date is
fixed. A template that raises leaves its message in the place of a text.
"""

import argparse
import datetime
import hashlib
import importlib.metadata
import json
import pathlib

import jinja2
from gguf import GGUFReader
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

DATE = "2024-07-26"
QUESTIONS = [
    "The capital of France is",
    "",
    "  Is 3 < 5 && \"yes\" > 'no'?\n\nÜber Städte: 東京 {{ 7 * 7 }} {% raw %}\n",
    "<|user|>[INST] a </s> b\\n <think>hm</think>  ",
]
SYSTEM = "Answer in one word.  "
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}

# In the manner of Llama 3: headers, a date, trimmed contents, a branch for tools, the beginning token from the start.
HEADERS = """\
{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = strftime_now("%d %b %Y") %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{#- The first message may set the scene. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set scene = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set scene = "" %}
{%- endif %}
{{- "[head]system[/head]\\n\\n" }}
{%- if tools is not none %}
    {{- "Tools: " }}
    {%- for tool in tools %}
        {{- tool | tojson(indent=4) }}
    {%- endfor %}
{%- endif %}
{{- "Knowledge ends: spring\\nToday: " + date_string + "\\n\\n" }}
{{- scene }}
{{- "[end]" }}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '[head]' + message['role'] + '[/head]\\n\\n' + message['content'] | trim + '[end]' }}
    {%- else %}
        {{- raise_exception("no tools here") }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '[head]assistant[/head]\\n\\n' }}
{%- endif %}
"""

# In the manner of Gemma: no system's turn, roles that alternate, another name for the assistant.
TURNS = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('this model takes no system turn') }}"
    "{% endif %}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('turns must alternate') }}{% endif %}"
    "{% if m['role'] == 'assistant' %}{% set who = 'model' %}{% else %}{% set who = m['role'] %}{% endif %}"
    "{{ '<turn>' + who + '\\n' + m['content'] | trim + '</turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}"
)

# In the manner of Mistral: a namespace that counts, the system's text before the last question.
INSTRUCT = """\
{%- if messages[0]["role"] == "system" %}
    {%- set said = messages[0]["content"] %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set rest = messages %}
{%- endif %}
{%- set questions = rest | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(count=0, last=none) %}
{%- for message in rest %}
    {%- if message["role"] == "user" %}
        {%- set ns.count = ns.count + 1 %}
        {%- set ns.last = message %}
    {%- endif %}
{%- endfor %}

{{- bos_token }}
{%- for message in rest %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and said is defined %}
            {{- "[INST] " + said + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " ~ message["content"] ~ "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- else %}
        {{- raise_exception("only user and assistant, found " + message["role"]) }}
    {%- endif %}
{%- endfor %}
{{- " #" ~ ns.count ~ "/" ~ (questions | length) ~ " " ~ ns.last.content | length }}
"""

# In the manner of Qwen: tools, thoughts that are cut out, a search from the end, a switch nobody sets.
TOOLS = """\
{%- if tools %}
    {{- '<|begin|>system\\n' }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '<|stop|>\\n' }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|begin|>system\\n' + messages[0].content + '<|stop|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(seeking=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.seeking and message.role == "user" and message.content is string and not (message.content.startswith('<answer>') and message.content.endswith('</answer>')) %}
        {%- set ns.seeking = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if '</think>' in content %}
        {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {{- '(' + thought.strip() + ')' }}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|begin|>' + message.role + '\\n' + content + '<|stop|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|begin|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

# In the manner of Phi: one branch a role, line ends that blocks swallow.
PHI = """\
{% for message in messages %}
{% if message['role'] == 'system' and message['content'] %}
{{'<|system|>
' + message['content'] + '<|end|>
'}}
{% elif message['role'] == 'user' %}
{{'<|user|>
' + message['content'] + '<|end|>
'}}
{% elif message['role'] == 'assistant' %}
{{'<|assistant|>
' + message['content'] + '<|end|>
'}}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|assistant|>
' }}{% else %}
{{ eos_token }}
{% endif %}
"""

# Where blanks and line ends go.
BLANKS = """\

  {# a comment on its line #}
<<
    {% if true %}
  kept
    {% endif %}
  {%+ if true %} plus {% endif +%}
x {%- if true -%}   tight   {%- endif -%} y
{% for message in messages %}  {{ message.role }}:
	{{- message.content -}}
{% endfor %}
   {% raw %}{{ raw }} {% notag %}{% endraw %}

>>

"""

# Jinja's and Python's other means.
MEANS = """\
{%- macro turn(role, text='none', wide=false) -%}
[{{ role | upper }}|{{ text }}{% if wide %}|{{ wide }}{% endif %}]
{%- endmacro -%}
{%- set roles = {'user': 'U', 'system': 'S'} -%}
{%- for message in messages -%}
{% generation %}{{ turn(roles.get(message.role, '?'), message['content'].strip().replace('\\n', '/'), loop.first) }}{% endgeneration %}
{%- if loop.previtem is defined %} after {{ loop.previtem.role.title() }}{% endif -%}
{%- endfor -%}
{% set block %}
{{ messages | map(attribute='role') | join('+') }};
{%- endset %}
{{ block | trim }}
{%- for n in range(10) %}{% if n == 2 %}{% continue %}{% endif %}{% if n > 4 %}{% break %}{% endif %}{{ n }}{% endfor %}
{%- for key, value in roles.items() %} {{ key }}={{ value }}{% endfor %}
{% for message in messages %}
{{ message | tojson }}
{{ {'content': message.content, 'list': [1, true, none], 'empty': [], 'none': {}} | tojson(indent=2) }}
{% endfor %}
{{ true }} {{ none }} {{ false }} {{ 1 == 1.0 }} {{ 7 // 2 }} {{ 7 / 2 }} {{ 'a' * 3 }} {{ missing }} {{ missing | default('gone') }} {{ unk_token }}{{ pad_token }}
{{ messages[-1].content[:5] ~ '|' ~ messages[-1]['content'][-3:] }} {{ 'b' in 'abc' }} {{ 'x' not in ['y'] }} {{ 'a-b-c'.split('-', 1)[1] }} {{ 'Ab'.lower() + 'Ab'.upper() }}
{{ (messages | first).role if messages else 'nobody' }} {{ messages | length > 1 and messages[1].role or 'alone' }} {{ 'q'.join(['a', 'b']) }} {{ '%d%%' | replace('%', '') }}
"""

# It raises whatever is asked.
RAISES = "{{ raise_exception('never: ' + messages[-1].role) }}"

TEMPLATES = {
    "headers": HEADERS,
    "turns": TURNS,
    "instruct": INSTRUCT,
    "tools": TOOLS,
    "phi": PHI,
    "blanks": BLANKS,
    "means": MEANS,
    "raises": RAISES,
}


class FixedDate(datetime.datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat(DATE)


def rendered(template):
    """All conversations of a template."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<unk>": 0}, "<unk>")), **SPECIAL)
    rows = []
    for system in [None, SYSTEM]:
        for question in QUESTIONS:
            turns = [{"role": "system", "content": system}] if system else []
            turns.append({"role": "user", "content": question})
            row = {"system": system, "question": question}
            try:
                row["text"] = tokenizer.apply_chat_template(
                    turns, chat_template=template, tokenize=False, add_generation_prompt=True
                )
            except jinja2.exceptions.TemplateError as error:
                row["error"] = error.message
            rows.append(row)
    return rows


def write(folder, name, value):
    path = folder / name
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smollm2", required=True, help="SmolLM2-135M-Instruct as GGUF")
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    chat_template_utils.datetime = FixedDate
    args.folder.mkdir(parents=True, exist_ok=True)
    versions = {name: importlib.metadata.version(name) for name in ["transformers", "jinja2"]}
    head = {"versions": versions, "date": DATE}
    cases = [{"name": name, "template": text, "rows": rendered(text)} for name, text in TEMPLATES.items()]
    write(args.folder, "templates.json", {**head, "special": SPECIAL, "cases": cases})
    template = GGUFReader(args.smollm2).fields["tokenizer.chat_template"].contents()
    sha256 = hashlib.sha256(template.encode()).hexdigest()
    write(args.folder, "smollm2.json", {**head, "sha256": sha256, "rows": rendered(template)})


if __name__ == "__main__":
    main()
