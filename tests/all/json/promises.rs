//! What handlers are promised of `JSON`: a script and what it comes to in each row, written as `outcome.js` describes
//! values. Each row is run in QuickJS too, so that a promise cannot be one of the tests alone.

use super::Engine;
use super::differential::{in_quickjs, source};

/// Evaluates expressions, all in one event.
fn check(rows: &[(&str, &str)]) {
    let cases: String = rows.iter().map(|(script, _)| format!("() => {script},\n")).collect();
    // What was thrown is told without the place that its stack begins with.
    let script = format!(
        "{}\n[{cases}].map((run) => outcome(run).replace(/ at <input>.*/, '')).join('\\n')",
        source()
    );
    let engine = Engine::start(&["--cpu-limit", "10s", "--verify-restore", "1"]);
    for (name, said) in [("QuickJS", in_quickjs(&script)), ("the engine", engine.evaluate(&script))]
    {
        for ((script, expected), said) in rows.iter().zip(said.lines()) {
            assert_eq!(said, *expected, "{name}: {script}");
        }
        assert_eq!(said.lines().count(), rows.len());
    }
}

#[test]
fn what_the_grammar_allows_is_read() {
    check(&[
        (
            r#"parse(' \t\r\n{ "a" : [ 1 , true , false , null ] , "b" : { } } \n')"#,
            "{a=[1 true false null] b={}}",
        ),
        (r#"parse('"text"')"#, r#""text""#),
        (r#"parse('0')"#, "0"),
        (r#"parse('[]')"#, "[]"),
        (r#"parse('[[[[]]],{"":{}}]')"#, r#"[[[[]]] {""={}}]"#),
        // What is no string is made one.
        (r#"parse(['[1', '2]'])"#, "[1 2]"),
        (r#"parse(12)"#, "12"),
        (r#"parse(null)"#, "null"),
        (r#"parse({ toString: () => '{"a":1}' })"#, "{a=1}"),
        (r#"parse({ toString() { throw 1 } })"#, "throws 1"),
        // There is no other white space, also none that the language has.
        (
            r#"['\v', '\f', '\xa0', '\ufeff', '\u2028', '\u3000'].map((space) => outcome(() => parse(space + '1')).slice(0, 18))"#,
            r#"["throws SyntaxError" "throws SyntaxError" "throws SyntaxError" "throws SyntaxError" "throws SyntaxError" "throws SyntaxError"]"#,
        ),
    ]);
}

#[test]
fn a_faulty_text_is_a_syntax_error() {
    let faulty = r#"['', ' ', '{', '[', '"', '[1', '[1,', '[1,]', '[,1]', '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{"a" 1}',
        "'a'", '01', '-', '+1', '.5', '1.', '1e', '1e+', '0x1', 'NaN', 'Infinity', '-Infinity', 'undefined', 'nul', 'nulll',
        'True', '[1 2]', '1 2', '[]]', '[1}', '{"a":1]', '"\t"', '"\n"', '"\0"', '"\x1f"', '"\\x41"', '"\\u12"', '"\\u123g"',
        '"\\', '"\\u', '//', '/**/1', '[1,/**/2]', '1n', '1_000', '[1]\0', '\0', '\u{1f600}', '\ud800', '"a', '{"a":1', '--1',
        '[', '{"a":1 "b":2}', '{1:1}', '{"a":1}}', '"\\\'"', 'tru', '[true false]', '1.5.2', '1e5e5', '{]', '[}', ':', ',']"#;
    check(&[
        (
            &format!(
                "{faulty}.filter((text) => !outcome(() => parse(text)).startsWith('throws SyntaxError'))"
            ),
            "[]",
        ),
        // Where it is.
        (
            r#"parse('[1,\n  "a\nb"]')"#,
            r#"throws SyntaxError "Bad control character in string literal in JSON at position 8 (line 2 column 5)""#,
        ),
        (
            r#"parse('{"a":1,}')"#,
            r#"throws SyntaxError "Expected property name or '}' in JSON at position 7 (line 1 column 8)""#,
        ),
        (r#"parse('')"#, r#"throws SyntaxError "Unexpected end of JSON input""#),
        (r#"parse(undefined)"#, r#"throws SyntaxError "unexpected token: 'undefined'""#),
        (r#"parse(Symbol())"#, r#"throws TypeError "cannot convert symbol to string""#),
    ]);
}

#[test]
fn numbers_are_read_to_the_nearest_double_and_written_as_the_language_does() {
    check(&[
        (r#"Object.is(parse('-0'), -0)"#, "true"),
        (
            r#"[-0, [-0], { a: -0 }].map((value) => stringify(value))"#,
            r#"["0" "[0]" "{\{22}a\{22}:0}"]"#,
        ),
        (r#"parse('-0.0e-9') === 0 && 1 / parse('-0.0e-9')"#, "fff00000:0"),
        (
            r#"[1e21, 1e20, 1e-6, 1e-7, 123456789012345680000, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 2 ** 53].map((n) => stringify(n))"#,
            r#"["1e+21" "100000000000000000000" "0.000001" "1e-7" "123456789012345680000" "5e-324" "1.7976931348623157e+308" "0.30000000000000004" "9007199254740992"]"#,
        ),
        (
            r#"[NaN, Infinity, -Infinity].map((n) => stringify([n]))"#,
            r#"["[null]" "[null]" "[null]"]"#,
        ),
        (r#"parse('[1e1000,-1e1000,1e-1000]').map(String)"#, r#"["Infinity" "-Infinity" "0"]"#),
        // Halfway between two doubles, and a little above.
        (r#"parse('9007199254740993') === 9007199254740992"#, "true"),
        (
            r#"parse('9007199254740993.00000000000000000000000000000000000001') === 9007199254740994"#,
            "true",
        ),
        (
            r#"parse('2.4703282292062327e-324') === 0 && parse('2.4703282292062328e-324') === 5e-324"#,
            "true",
        ),
        (
            r#"parse('1.7976931348623158e308') === Number.MAX_VALUE && parse('1.7976931348623159e308') === Infinity"#,
            "true",
        ),
        (
            r#"parse('0.500000000000000166533453693773481063544750213623046875') === 0.5000000000000002"#,
            "true",
        ),
        (
            r#"parse('[2147483647,2147483648,-2147483648,-2147483649,4294967296]').every((n) => Number.isInteger(n) && stringify(n) === String(n))"#,
            "true",
        ),
        (
            r#"parse(`1${'0'.repeat(100000)}`) === Infinity && parse(`0.${'0'.repeat(100000)}1`) === 0"#,
            "true",
        ),
        (r#"parse(`${'1'.repeat(100000)}e-99999`) === 1.1111111111111112"#, "true"),
        (
            r#"Array.from({ length: 2000 }, (_, at) => new Random(at).number()).filter(Number.isFinite).every((n) => stringify(n) === (n === 0 ? '0' : String(n)) && Object.is(parse(stringify(n)), n === 0 ? 0 : n))"#,
            "true",
        ),
    ]);
}

#[test]
fn strings_keep_every_code_unit() {
    check(&[
        (
            r#"(() => { for (let unit = 0; unit < 65536; unit++) { const text = String.fromCharCode(unit); if (parse(stringify(text)) !== text || parse(stringify(`${text}語`)) !== `${text}語`) return unit; } })()"#,
            "undefined",
        ),
        (
            r#"stringify('\b\t\n\f\r\"\\/\u0000\u001f\u007f\u2028')"#,
            r#""\{22}\{5c}b\{5c}t\{5c}n\{5c}f\{5c}r\{5c}\{22}\{5c}\{5c}/\{5c}u0000\{5c}u001f\{7f}\{2028}\{22}""#,
        ),
        (
            r#"parse('"\\b\\t\\n\\f\\r\\"\\\\\\/\\u00e9\\u8A9E"')"#,
            r#""\{8}\{9}\{a}\{c}\{d}\{22}\{5c}/\{e9}\{8a9e}""#,
        ),
        // Single surrogates are escaped where they are written, as names too; pairs are not.
        (
            r#"stringify(['\ud83d', '\ude00', '\ud83d\ude00', '\ude00\ud83d'])"#,
            r#""[\{22}\{5c}ud83d\{22},\{22}\{5c}ude00\{22},\{22}\{d83d}\{de00}\{22},\{22}\{5c}ude00\{5c}ud83d\{22}]""#,
        ),
        (
            r#"stringify({ '\ud83d': 1, '\ud83d\ude00': 2 })"#,
            r#""{\{22}\{5c}ud83d\{22}:1,\{22}\{d83d}\{de00}\{22}:2}""#,
        ),
        (
            r#"parse('["\ud83d", "\\ud83d", "\\ud83d\\ude00", "\ud83d\\ude00", "\\ude00\\ud83d"]')"#,
            r#"["\{d83d}" "\{d83d}" "\{d83d}\{de00}" "\{d83d}\{de00}" "\{de00}\{d83d}"]"#,
        ),
        (r#"parse('{"\\ud83d":1}')"#, r#"{"\{d83d}"=1}"#),
        // Where what is read at once ends.
        (
            r#"Array.from({ length: 70 }, (_, at) => 'x'.repeat(at)).every((text) => ['"', '\\', '\n', 'é', '語', '😀', '\ud83d'].every((odd) => [text + odd, odd + text, text + odd + text].every((text) => parse(stringify(text)) === text)))"#,
            "true",
        ),
        // However the engine keeps the text.
        (r#"parse(('["' + 'ab'.repeat(5000) + 'é' + '"]').slice(1, -1)).length"#, "10001"),
        (r#"parse('語["é"]'.slice(1))"#, r#"["\{e9}"]"#),
        (r#"parse(new String('"boxed"'))"#, r#""boxed""#),
    ]);
}

#[test]
fn names_are_ordered_as_those_of_objects_and_the_last_of_equal_ones_counts() {
    check(&[
        (
            r#"parse('{"b":1,"2":2,"a":3,"1":4,"01":5,"-1":6,"4294967294":7,"4294967295":8}')"#,
            r#"{1=4 2=2 4294967294=7 b=1 a=3 01=5 "-1"=6 4294967295=8}"#,
        ),
        (r#"parse('{"a":1,"b":2,"a":3}')"#, "{a=3 b=2}"),
        (r#"parse('{"a":1,"\\u0061":{"a":[]}}')"#, "{a={a=[]}}"),
        (
            r#"stringify({ b: 1, 2: 2, a: 3, 1: 4 })"#,
            r#""{\{22}1\{22}:4,\{22}2\{22}:2,\{22}b\{22}:1,\{22}a\{22}:3}""#,
        ),
        (
            r#"parse('{"":0,"length":1,"constructor":2,"toString":3,"hasOwnProperty":4}')"#,
            r#"{""=0 length=1 constructor=2 toString=3 hasOwnProperty=4}"#,
        ),
        (
            r#"Object.keys(parse('{' + Array.from({ length: 3000 }, (_, at) => `"k${at}":${at}`) + '}')).every((key, at) => key === `k${at}`)"#,
            "true",
        ),
        // As ordinary objects, which grow and shrink.
        (
            r#"(() => { const one = parse('{"a":1,"b":2}'), two = parse('{"a":1,"b":2}'); one.c = 3; delete one.a; return [one, two]; })()"#,
            "[{b=2 c=3} {a=1 b=2}]",
        ),
        (
            r#"(() => { const list = parse('[1,2,3]'); list.push(4); list.length = 2; list[5] = 6; return list; })()"#,
            "[1 2 5=6 length?#=6]",
        ),
    ]);
}

#[test]
fn a_name_proto_is_one_as_others() {
    check(&[
        (r#"parse('{"__proto__":{"a":1}}')"#, r#"{"__proto__"={a=1}}"#),
        (r#"parse('{"__proto__":null,"__proto__":[1],"b":2}')"#, r#"{"__proto__"=[1] b=2}"#),
        (r#"Object.getPrototypeOf(parse('{"__proto__":null}')) === Object.prototype"#, "true"),
        (r#"parse('{"__proto__":{"toJSON":1}}').toJSON"#, "undefined"),
        (r#"stringify(parse('{"__proto__":1}'))"#, r#""{\{22}__proto__\{22}:1}""#),
        (r#"parse('{"__proto__":1}', (key, value) => value)"#, r#"{"__proto__"=1}"#),
        (r#"stringify({ __proto__: { inherited: 1 }, own: 2 })"#, r#""{\{22}own\{22}:2}""#),
        (
            r#"stringify({ a: 1 }, ['__proto__'])"#,
            r#""{\{22}__proto__\{22}:{\{22}__proto__\{22}:null}}""#,
        ),
    ]);
}

#[test]
fn a_reviver_sees_values_from_the_inside_their_holders_and_sources() {
    let log = "(text, then = (key, value) => value) => { const seen = []; const value = parse(text, function (key, value, { source }) { seen.push([key, value, source, Object.keys(this).join()]); return then.call(this, key, value); }); return [value, seen]; }";
    let row = |call: &str| format!("({log})({call})");
    check(&[
        (
            &row(r#"'{"a":[1.50,"x"],"b":{"c":null}}'"#),
            r#"[{a=[3ff80000:0 "x"] b={c=null}} [["0" 3ff80000:0 "1.50" "0,1"] ["1" "x" "\{22}x\{22}" "0,1"] ["a" [3ff80000:0 "x"] undefined "a,b"] ["c" null "null" "c"] ["b" {c=null} undefined "a,b"] ["" {a=[3ff80000:0 "x"] b={c=null}} undefined ""]]]"#,
        ),
        // `undefined` deletes, also an item, and the length stays.
        (
            &row(r#"'{"a":1,"b":[1,2,3]}', (key, value) => value === 1 ? undefined : value"#),
            r#"[{b=[1=2 2=3 length?#=3]} [["a" 1 "1" "a,b"] ["0" 1 "1" "0,1,2"] ["1" 2 "2" "1,2"] ["2" 3 "3" "1,2"] ["b" [1=2 2=3 length?#=3] undefined "b"] ["" {b=[1=2 2=3 length?#=3]} undefined ""]]]"#,
        ),
        // What it puts into its holder is seen, without a source.
        (
            &row(
                r#"'{"a":1,"b":2}', function (key, value) { if (key === 'a') this.b = [3]; return value; }"#,
            ),
            r#"[{a=1 b=[3]} [["a" 1 "1" "a,b"] ["0" 3 undefined "0"] ["b" [3] undefined "a,b"] ["" {a=1 b=[3]} undefined ""]]]"#,
        ),
        (
            &row(
                r#"'[1,2,3]', function (key, value) { if (key === '0') this.length = 1; return value; }"#,
            ),
            r#"[[1] [["0" 1 "1" "0,1,2"] ["1" undefined undefined "0"] ["2" undefined undefined "0"] ["" [1] undefined ""]]]"#,
        ),
        (
            &row(r#"'{"2":0,"b":0,"1":0}', (key) => key || 'all'"#),
            r#"["all" [["1" 0 "0" "1,2,b"] ["2" 0 "0" "1,2,b"] ["b" 0 "0" "1,2,b"] ["" {1="1" 2="2" b="b"} undefined ""]]]"#,
        ),
        (
            r#"parse('[1]', (key, value) => { throw new RangeError(key); })"#,
            r#"throws RangeError "0""#,
        ),
        (r#"parse('[1]', null)"#, "[1]"),
        (r#"parse('[1,]', () => { throw 1; })"#, r#"throws SyntaxError "unexpected token: ']'""#),
    ]);
}

#[test]
fn a_replacer_is_called_for_each_value_or_lists_the_names() {
    check(&[
        (
            r#"(() => { const seen = []; const text = stringify({ a: [1, { b: undefined }] }, function (key, value) { seen.push([key, typeof value, Array.isArray(this)]); return value; }); return [text, seen]; })()"#,
            r#"["{\{22}a\{22}:[1,{}]}" [["" "object" false] ["a" "object" false] ["0" "number" true] ["1" "object" true] ["b" "undefined" false]]]"#,
        ),
        (
            r#"stringify({ a: 1, b: 'x', c: [1] }, (key, value) => typeof value === 'number' ? undefined : value)"#,
            r#""{\{22}b\{22}:\{22}x\{22},\{22}c\{22}:[null]}""#,
        ),
        // `toJSON` comes first.
        (
            r#"stringify(1, (key) => key === '' ? { toJSON: () => 'never', a: 1 } : undefined)"#,
            r#""{}""#,
        ),
        (
            r#"stringify({ a: 1n }, (key, value) => typeof value === 'bigint' ? `${value}` : value)"#,
            r#""{\{22}a\{22}:\{22}1\{22}}""#,
        ),
        // A list has names in its order, each once; other values in it are not looked at.
        (
            r#"stringify({ a: 1, b: { a: 2, c: 3 }, 1: 4, c: 5 }, ['c', 'b', 1, 'c', Object('a'), Object(1), null, true, {}, Symbol()])"#,
            r#""{\{22}c\{22}:5,\{22}b\{22}:{\{22}c\{22}:3,\{22}a\{22}:2},\{22}1\{22}:4,\{22}a\{22}:1}""#,
        ),
        (r#"stringify([{ a: 1 }], [])"#, r#""[{}]""#),
        (
            r#"stringify({ a: 1, toString: 2 }, ['toString', 'a'])"#,
            r#""{\{22}toString\{22}:2,\{22}a\{22}:1}""#,
        ),
        // Also inherited ones, if they are listed.
        (r#"stringify(Object.create({ a: 1 }), ['a'])"#, r#""{\{22}a\{22}:1}""#),
        (r#"stringify({ a: 1 }, new Proxy(['a'], {}))"#, r#""{\{22}a\{22}:1}""#),
        (
            r#"[{}, 'a', 1, null, true].map((replacer) => stringify({ a: 1 }, replacer))"#,
            r#"["{\{22}a\{22}:1}" "{\{22}a\{22}:1}" "{\{22}a\{22}:1}" "{\{22}a\{22}:1}" "{\{22}a\{22}:1}"]"#,
        ),
        (
            r#"stringify({ a: 1 }, () => { throw new RangeError('r'); })"#,
            r#"throws RangeError "r""#,
        ),
    ]);
}

#[test]
fn an_indent_has_at_most_ten_characters() {
    check(&[
        (
            r#"stringify({ a: [1, {}], b: [], c: { d: 1 } }, null, 2)"#,
            r#""{\{a}  \{22}a\{22}: [\{a}    1,\{a}    {}\{a}  ],\{a}  \{22}b\{22}: [],\{a}  \{22}c\{22}: {\{a}    \{22}d\{22}: 1\{a}  }\{a}}""#,
        ),
        (
            r#"[11, 10, 1e9, Infinity].every((indent) => stringify([1], null, indent) === '[\n          1\n]')"#,
            "true",
        ),
        (
            r#"[0, -1, 0.9, NaN, -Infinity, '', null, true, {}, [], undefined, 5n, Symbol()].every((indent) => stringify([1], null, indent) === '[1]')"#,
            "true",
        ),
        (
            r#"[2.9, Object(2), Object(2.5)].every((indent) => stringify([1], null, indent) === '[\n  1\n]')"#,
            "true",
        ),
        (r#"stringify([1], null, '0123456789ABC')"#, r#""[\{a}01234567891\{a}]""#),
        (r#"stringify([1], null, Object('--'))"#, r#""[\{a}--1\{a}]""#),
        (
            r#"stringify([[1]], null, '語é')"#,
            r#""[\{a}\{8a9e}\{e9}[\{a}\{8a9e}\{e9}\{8a9e}\{e9}1\{a}\{8a9e}\{e9}]\{a}]""#,
        ),
        (r#"stringify({ a: undefined }, null, 1)"#, r#""{}""#),
        (
            r#"stringify([1], null, Object.assign(Object(1), { valueOf() { throw 'indent' } }))"#,
            r#"throws "indent""#,
        ),
    ]);
}

#[test]
fn to_json_is_called_with_the_name_also_from_a_prototype() {
    check(&[
        (
            r#"stringify({ a: { toJSON(key) { return [key, this === this.me]; }, get me() { return this; } }, b: [{ toJSON: (key) => typeof key + key }] })"#,
            r#""{\{22}a\{22}:[\{22}a\{22},true],\{22}b\{22}:[\{22}string0\{22}]}""#,
        ),
        (r#"stringify({ toJSON: (key) => key })"#, r#""\{22}\{22}""#),
        (
            r#"stringify({ a: { toJSON: () => undefined }, b: [{ toJSON() {} }] })"#,
            r#""{\{22}b\{22}:[null]}""#,
        ),
        (r#"stringify({ toJSON: 1 })"#, r#""{\{22}toJSON\{22}:1}""#),
        (
            r#"stringify({ at: new Date(0), none: new Date(NaN) })"#,
            r#""{\{22}at\{22}:\{22}1970-01-01T00:00:00.000Z\{22},\{22}none\{22}:null}""#,
        ),
        (
            r#"stringify(new (class { #a = 1; toJSON() { return { a: this.#a }; } })())"#,
            r#""{\{22}a\{22}:1}""#,
        ),
        (
            r#"(() => { realm.define(Object.prototype, 'toJSON', { value() { return Array.isArray(this) ? 'list' : 'object'; } }); const texts = [stringify({}), stringify([]), stringify('text'), stringify(1)]; realm.restore(); return texts; })()"#,
            r#"["\{22}object\{22}" "\{22}list\{22}" "\{22}text\{22}" "1"]"#,
        ),
        (
            r#"(() => { realm.define(BigInt.prototype, 'toJSON', { value() { return `${this}`; } }); const text = stringify([1n]); realm.restore(); return text; })()"#,
            r#""[\{22}1\{22}]""#,
        ),
        (
            r#"(() => { realm.define(String.prototype, 'toJSON', { value: () => 'never' }); const texts = [stringify('a'), stringify(['a'])]; realm.restore(); return texts; })()"#,
            r#"["\{22}a\{22}" "[\{22}a\{22}]"]"#,
        ),
        (r#"stringify({ toJSON() { throw new RangeError('t'); } })"#, r#"throws RangeError "t""#),
        (
            r#"stringify({ get toJSON() { throw new RangeError('g'); } })"#,
            r#"throws RangeError "g""#,
        ),
    ]);
}

#[test]
fn what_json_has_not_is_left_out_null_or_a_type_error() {
    check(&[
        (
            r#"[undefined, () => 1, Symbol('s'), class {}].map((value) => [stringify(value), stringify([value]), stringify({ value })])"#,
            r#"[[undefined "[null]" "{}"] [undefined "[null]" "{}"] [undefined "[null]" "{}"] [undefined "[null]" "{}"]]"#,
        ),
        (r#"stringify([1, , 3])"#, r#""[1,null,3]""#),
        (r#"stringify(Object.assign([1], { more: 2 }))"#, r#""[1]""#),
        (r#"stringify({ [Symbol('s')]: 1, a: Symbol('t') })"#, r#""{}""#),
        (
            r#"stringify(Object.create(null, { a: { value: 1, enumerable: true }, b: { value: 2 } }))"#,
            r#""{\{22}a\{22}:1}""#,
        ),
        (
            r#"[Object('a'), Object(1), Object(true), Object(Symbol())].map((value) => stringify(value))"#,
            r#"["\{22}a\{22}" "1" "true" "{}"]"#,
        ),
        (
            r#"stringify([new Map([[1, 2]]), new Set([1]), /r/, new Error('e'), new Uint8Array([1, 2]), new ArrayBuffer(2), Promise.resolve()])"#,
            r#""[{},{},{},{},{\{22}0\{22}:1,\{22}1\{22}:2},{},{}]""#,
        ),
        (r#"stringify(1n)"#, r#"throws TypeError "BigInt are forbidden in JSON.stringify""#),
        (
            r#"stringify({ a: [Object(1n)] })"#,
            r#"throws TypeError "BigInt are forbidden in JSON.stringify""#,
        ),
        (
            r#"(() => { const cycle = { a: [] }; cycle.a.push(cycle); return stringify(cycle); })()"#,
            r#"throws TypeError "circular reference""#,
        ),
        (
            r#"(() => { const twice = {}; return stringify([twice, { twice }, [twice]]); })()"#,
            r#""[{},{\{22}twice\{22}:{}},[{}]]""#,
        ),
        (r#"[stringify(), stringify(null), stringify('')]"#, r#"[undefined "null" "\{22}\{22}"]"#),
    ]);
}

#[test]
fn accessors_and_traps_are_called_in_order_and_what_they_change_counts() {
    check(&[
        (
            r#"(() => { const seen = []; const value = { get b() { seen.push('b'); delete this.a; this.c = 'new'; return 1; }, a: 2, c: 3, d: [4] }; return [stringify(value), seen]; })()"#,
            r#"["{\{22}b\{22}:1,\{22}c\{22}:\{22}new\{22},\{22}d\{22}:[4]}" ["b"]]"#,
        ),
        (
            r#"(() => { const list = [{ toJSON() { list.length = 1; return 'x'; } }, 2, 3]; return stringify(list); })()"#,
            r#""[\{22}x\{22},null,null]""#,
        ),
        (
            r#"(() => { const list = [{ toJSON() { list.push(9); return 'x'; } }, 2]; return stringify(list); })()"#,
            r#""[\{22}x\{22},2]""#,
        ),
        (
            r#"(() => { const value = { get a() { Object.prototype.toJSON = () => 'late'; return 1; }, b: {} }; const text = stringify(value); delete Object.prototype.toJSON; return text; })()"#,
            r#""{\{22}a\{22}:1,\{22}b\{22}:\{22}late\{22}}""#,
        ),
        (
            r#"(() => { const seen = []; const proxy = new Proxy({ a: 1, b: [2] }, new Proxy({}, { get: (_, trap) => (...args) => { seen.push(`${trap} ${typeof args[1] === 'object' ? '' : String(args[1])}`); return Reflect[trap](...args); } })); return [stringify(proxy), seen]; })()"#,
            r#"["{\{22}a\{22}:1,\{22}b\{22}:[2]}" ["get toJSON" "ownKeys undefined" "getOwnPropertyDescriptor a" "getOwnPropertyDescriptor b" "get a" "get b"]]"#,
        ),
        (r#"stringify(new Proxy([1, [2]], {}))"#, r#""[1,[2]]""#),
        (
            r#"(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return stringify([proxy]); })()"#,
            r#"throws TypeError "revoked proxy""#,
        ),
        // Holes are looked up in prototypes; what is read never is set by way of them.
        (
            r#"(() => { Array.prototype[1] = 'inherited'; const text = stringify([0, , 2]); delete Array.prototype[1]; return text; })()"#,
            r#""[0,\{22}inherited\{22},2]""#,
        ),
        (
            r#"(() => { let calls = 0; for (const key of ['0', 'a', '']) Object.defineProperty(Object.prototype, key, { set() { calls++; }, configurable: true }); const value = parse('{"a":[1,{"":2}],"0":3}'); for (const key of ['0', 'a', '']) delete Object.prototype[key]; return [value, calls]; })()"#,
            r#"[{0=3 a=[1 {""=2}]} 0]"#,
        ),
        (
            r#"(() => { Object.freeze(Object.prototype); return parse('{"toString":1,"a":2}'); })()"#,
            "{toString=1 a=2}",
        ),
    ]);
}

/// Handlers may hand the functions around, and packages look at them.
#[test]
fn the_functions_look_as_those_of_the_language() {
    check(&[
        (
            r#"Reflect.ownKeys(JSON).map(String)"#,
            r#"["isRawJSON" "parse" "rawJSON" "stringify" "Symbol(Symbol.toStringTag)"]"#,
        ),
        (
            r#"[parse, stringify].map((f) => [f.name, f.length, Object.getPrototypeOf(f) === Function.prototype, 'prototype' in f, Reflect.ownKeys(f).sort()])"#,
            r#"[["parse" 2 true false ["length" "name"]] ["stringify" 3 true false ["length" "name"]]]"#,
        ),
        (
            r#"['parse', 'stringify'].map((key) => { const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(JSON, key); return { writable, enumerable, configurable }; })"#,
            "[{writable=true enumerable=false configurable=true} {writable=true enumerable=false configurable=true}]",
        ),
        (r#"new parse('1')"#, r#"throws TypeError "not a constructor""#),
        (r#"`${parse}`.includes('[native code]') && String(JSON)"#, r#""[object JSON]""#),
        (r#"[parse.call(null, '1'), Reflect.apply(stringify, 5, [[]])]"#, r#"[1 "[]"]"#),
        // Whom they call is called by them.
        (
            r#"(() => { try { stringify({ toJSON() { throw Error('x'); } }); } catch (error) { return error.stack.split('\n').map((line) => line.trim().split(' (')[0]).slice(0, 2); } })()"#,
            r#"["at toJSON" "at stringify"]"#,
        ),
        (
            r#"(() => { try { parse('[1]', function reviver() { throw Error('x'); }); } catch (error) { return error.stack.split('\n').map((line) => line.trim().split(' (')[0]).slice(0, 2); } })()"#,
            r#"["at reviver" "at parse"]"#,
        ),
        (
            r#"(() => { try { parse('[\n1,\n x]'); } catch (error) { return error.stack.split('\n').map((line) => line.trim().split(' (')[0]).slice(0, 2); } })()"#,
            r#"["at <input>:3:2" "at parse"]"#,
        ),
        (
            r#"(() => { try { stringify(1n); } catch (error) { return error.stack.split('\n')[0].trim(); } })()"#,
            r#""at stringify (native)""#,
        ),
        (
            r#"stringify([rawJSON('1e1000'), { a: rawJSON('"x"') }])"#,
            r#""[1e1000,{\{22}a\{22}:\{22}x\{22}}]""#,
        ),
    ]);
}
