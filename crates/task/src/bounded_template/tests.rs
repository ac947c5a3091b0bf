//! Templates that would take all memory are refused, and others render as the engine renders them.

use super::*;

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(1_000_000));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    bound(&mut environment, minijinja::escape_formatter);
    environment
}

fn variables() -> Value {
    let message = |role: &str| minijinja::context! { role => role, content => "one two\nthree", n => 3 };
    minijinja::context! { x => "ab", list => [1, 2, 3], messages => [message("system"), message("user")] }
}

fn render(source: &str) -> Result<String, String> {
    let template = BoundedTemplate::new("t", source, false, true).map_err(|e| e.to_string())?;
    template.render(&environment(), variables()).map_err(|e| e.to_string())
}

#[test]
fn templates_render_as_the_engine_renders_them() {
    for source in [
        "plain\n",
        "{{ x }}{{ x ~ x }}{{ x + 'c' }}{{ 2 * 3 }}{{ x * 3 }}{{ 'a' * 4 }}{{ 2.5 * 2 }}{{ [1] * 2 }}{{ 2 * 3 * 4 ** 2 }}",
        "{% for m in messages %}{{ loop.index }}{% if m.role == 'user' and not loop.first %}<{{ m.content }}>{% else %}-{% endif %}{% endfor %}",
        "{% for m in messages if m.n > 2 %}{{ m['role'] | upper }}{% else %}none{% endfor %}",
        "{% set ns = namespace(n=0) %}{% for i in list %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
        "{% macro f(a, b='y', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f(1) }}{{ f(*[1, 2]) }}{{ f(1, c=3) }}{{ f(*list) }}{{ f(b='z', **{'a': 1}) }}",
        "{% macro g() %}({{ caller('k') }}){% endmacro %}{% call(v) g() %}{{ v }}{% endcall %}",
        "{% set y %}<{{ x }}>{% endset %}{{ y }}{{ y | length }}{% filter upper %}a{{ x }}{% endfilter %}",
        "{{ messages[1:] | length }}{{ x[::-1] }}{{ list[-1] }}{{ messages[0].content.split('\\n')[0].strip() }}",
        "{{ list | join(', ') }}{{ x | replace('a', 'bb') }}{{ 'a\nb' | indent(2) }}{{ list | batch(2) | list }}",
        "{{ 1 if x is string else 2 }}{{ x is defined }}{{ nothing is defined }}{{ 'a' in x }}{{ 3 not in list }}{{ 1 < 2 < 3 }}{{ 1 < 2 > 5 }}",
        "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}",
        "{% for i in [[1, [2]], [3]] recursive %}{% if i is iterable %}({{ loop(i) }}){% else %}{{ i }}{% endif %}{% endfor %}",
        "{% block b %}in {{ x }}{% endblock %}{{ self.b() }}",
        "{% for i in list %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% if i == 3 %}{% break %}{% endif %}{% endfor %}",
        "{% raw %}{{ x * 3 }}{% endraw %}{# * #} * {{ '*' }}{{ {'a': 1, 'b': [2]} | tojson(indent=2) }}{{ '%s-%05d' | format(x, 7) }}",
        "{{- x -}}  {%- if true %}  y{% endif %}\n",
        "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='n') | list }}{{ x.format }}{{ '{:>5}'.format(x) }}",
        "{% autoescape true %}<b>{{ '<' }}{% endautoescape %}",
    ] {
        let mut engine = environment();
        engine.set_keep_trailing_newline(true);
        let added = engine.add_template_owned("t", source.to_owned());
        let expected = added.and_then(|()| engine.get_template("t")?.render(variables())).map_err(|e| e.to_string());
        assert_eq!(
            render(source).as_deref().map_err(|_| ()),
            expected.as_deref().map_err(|_| ()),
            "{source}: {expected:?}"
        );
    }
}

#[test]
fn values_that_grow_without_bound_are_refused() {
    let grown =
        "{% set ns = namespace(x='ab', l=[1]) %}{% for i in range(60) %}STEP{% endfor %}{{ ns.x }}{{ ns.l | length }}";
    for step in [
        "{% set ns.x = ns.x ~ ns.x %}",
        "{% set ns.x = ns.x + ns.x %}",
        "{% set ns.x = ns.x * 2 %}",
        "{% set ns.l = ns.l + ns.l %}",
        "{% set ns.l = ns.l * 1000 %}",
        "{% set ns.l = [ns.l, ns.l] %}",
        "{% set ns.l = {'a': ns.l, 'b': ns.l} %}",
        "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}",
        "{% set ns.x = ns.x | replace('ab', 'abab') %}",
        "{% set ns.x = ns.x.replace('ab', 'abab') %}",
        "{% set ns.x = [ns.x, ns.x] | join('') %}",
        "{% set ns.x = ns.x.join([ns.x, ns.x]) %}",
    ] {
        let error = render(&grown.replace("STEP", step)).expect_err(step);
        assert!(error.contains("bytes"), "{step}: {error}");
    }
    let doubled = "{% set x = x ~ x %}".repeat(60);
    let raw = format!("{{% set y %}}{{% for i in range(90000) %}}{}{{% endfor %}}{{% endset %}}", "x".repeat(5000));
    for source in [
        &*doubled,
        &raw,
        "{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f(x) }}",
        "{% macro f(x, n) %}{% if n %}{{ f(x, n - 1) }}{{ f(x, n - 1) }}{% endif %}{{ x }}{% endmacro %}{{ f('a' * 1000, 20) }}",
        "{{ 'a' * 90000000 }}",
        "{{ ('a' * 90000000) ~ ('a' * 90000000) }}",
        "{{ 90000000 * 'a' | length }}{{ 90000000 * 'a' }}",
        "{{ [1] * 1000000000000 }}",
        "{{ ([1] * 9223372036854775807 * 4) | length }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ list | batch(1000000000, 'x') | list }}",
        "{{ list | slice(1000000000) | list }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%*d' | format(1000000000, 1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:>{}}'.format('x', 1000000000) }}",
        "{{ {'a': [1]} | tojson(indent=1000000000) }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{{ x * 1000 }}{% endfor %}{% endfor %}",
    ] {
        let error = render(source).expect_err(source);
        assert!(error.contains("bytes") || error.contains("too large"), "{source}: {error}");
    }
    // The engine would negate it.
    let slice = render("{{ list[::-9223372036854775808] }}{{ x[::-9223372036854775808] }}").expect_err("too small");
    assert!(slice.contains("expected a number above"), "{slice}");
    // Nested so deeply that visiting it could overflow the stack.
    let deep =
        render("{% set ns = namespace(l=[]) %}{% for i in range(9000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}");
    assert!(deep.expect_err("too deep").contains("nested"));
}
