//! Decorators, standard and TypeScript's earlier ones, and `accessor` fields.

use zigts_compiler::Decorators;

use crate::support::{check, lines, logs, logs_with, report_of_build};

const LEGACY: Decorators = Decorators::Legacy { with_metadata: false };

fn handler(text: &str) -> String {
    format!("{text}\nexport function handler(req: Request) {{}}\n")
}

#[test]
fn standard_decorators_see_their_context() {
    let text = "
        const seen: string[] = [];
        function see(_: unknown, { kind, name, static: isStatic }: any): void {
            seen.push(`${kind} ${String(name)} ${isStatic}`);
        }
        @see
        class Room {
            @see static count = 0;
            @see topic = 'none';
            @see accessor size = 1;
            @see get title() { return this.topic; }
            @see close() {}
            @see #secret() {}
        }
        new Room();
        console.log(seen.join(', '));";
    logs(
        &[("app.ts", &handler(text))],
        &[
            "accessor size false, getter title false, method close false, method #secret false, field count true, field topic false, class Room undefined",
        ],
    );
}

#[test]
fn standard_decorators_replace_what_they_decorate() {
    let text = "
        const twice = <T extends (...rest: any) => number>(method: T, _: ClassMethodDecoratorContext) =>
            function (this: unknown, ...rest: any) { return 2 * method.apply(this, rest); } as T;
        const from = (start: number) => (_: undefined, __: ClassFieldDecoratorContext) => (given: number) => given + start;
        function sealed<T extends new (...rest: any) => object>(Class: T, context: ClassDecoratorContext) {
            context.addInitializer(function () { console.log(context.name); });
            return class extends Class { isSealed = true; };
        }
        const bound = (_: Function, { name, addInitializer }: ClassMethodDecoratorContext) => {
            addInitializer(function (this: any) { this[name] = this[name].bind(this); });
        };
        @sealed
        class Counter {
            @from(40) start = 1;
            constructor(private readonly step = 1) {}
            @twice next() { return this.start + this.step; }
            @bound show() { return this.start; }
            static make() { return new Counter(); }
        }
        const { show } = new Counter();
        console.log(new Counter().next(), (Counter.make() as any).isSealed, show());
        export @sealed class Exported {}
        export const inner = @sealed class {};";
    logs(&[("app.ts", &handler(text))], &["Counter", "84 true 41", "Exported", "inner"]);
}

#[test]
fn private_members_are_decorated_too() {
    let text = "
        const desc = 'of the module';
        const plus = (value: any, { kind, access }: any): any => kind === 'accessor'
            ? { get(this: any) { return value.get.call(this) + 1; }, set: value.set, init: (start: number) => start * 10 }
            : function (this: any, ...rest: any) { return value.apply(this, rest) + 1; };
        class Room {
            @plus accessor #size = 1;
            @plus get #title() { return 5; }
            @plus #close(by: number) { return by; }
            @plus static #open() { return 7; }
            static accessor #plain = 8;
            show() { this.#size += 1; return [this.#size, this.#title, this.#close(6), Room.#open(), Room.#plain].join(); }
        }
        console.log(new Room().show(), desc);";
    logs(&[("app.ts", &handler(text))], &["13,6,7,8,8 of the module"]);
}

#[test]
fn decorators_work_in_javascript() {
    let text = "
        const seen = [];
        const see = (_, { name }) => { seen.push(name); };
        export class Room { @see topic = 'none'; @see accessor size = 1; }
        console.log(seen.join());
        export function handler() {}";
    logs(&[("app.js", text)], &["size,topic"]);
}

#[test]
fn legacy_decorators_are_applied_as_typescript_does() {
    let text = "
        const seen: string[] = [];
        const at = (what: string): any => (target: any, key?: string, last?: any) => {
            seen.push(`${what} ${typeof target} ${key} ${typeof last}`);
        };
        const route = (path: string) => (target: any, key: string, descriptor: PropertyDescriptor) => {
            const run = descriptor.value;
            descriptor.value = function (this: unknown, ...rest: any) { return path + run.apply(this, rest); };
        };
        @at('class')
        class Controller {
            @at('field') topic = 'none';
            @at('static') static count = 0;
            @at('accessor') accessor size = 1;
            constructor(@at('argument') private readonly store: string, @at('second') other = 1) {}
            @route('/rooms/') list(@at('parameter') room: string) { return room + this.store; }
        }
        console.log(new Controller('!').list('a'), new Controller('').size);
        console.log(seen.join(', '));";
    logs_with(
        LEGACY,
        &[("app.ts", &handler(text))],
        &[
            "/rooms/a! 1",
            "field object topic undefined, accessor object size object, parameter object list number, static function count undefined, second function undefined number, argument function undefined number, class function undefined undefined",
        ],
    );
}

#[test]
fn a_class_that_a_legacy_decorator_replaces_is_called_by_its_name_from_inside() {
    let text = "
        const counted = <T extends new (...rest: any) => object>(Class: T) => class extends Class { isCounted = true; };
        @counted
        class Room {
            static open() { return new Room(); }
            again() { return new Room(); }
        }
        console.log((Room.open() as any).isCounted, (new Room().again() as any).isCounted);";
    logs_with(LEGACY, &[("app.ts", &handler(text))], &["true true"]);
}

#[test]
fn types_are_told_to_a_library_where_there_is_one() {
    let text = "
        import { Store } from './store';
        const seen: string[] = [];
        (Reflect as any).metadata = (key: string, value: any) => () => {
            if (key === 'design:paramtypes') seen.push(value.map((it: Function) => it.name).join());
        };
        const injectable: any = () => {};
        @injectable
        class Service { constructor(store: Store, name: string) {} @injectable size: number = 1; }
        console.log(seen.join(', '));";
    let modules =
        [("app.ts", &*handler(text)), ("store.ts", "export class Store {} console.log('loaded');")];
    logs_with(Decorators::Legacy { with_metadata: true }, &modules, &["loaded", "Store,String"]);
    logs_with(LEGACY, &modules, &[""]);
}

#[test]
fn accessors_need_no_decorator() {
    let text = "
        const key = () => { console.log('key'); return 'computed'; };
        abstract class Base { abstract accessor topic: string; }
        class Room extends Base {
            accessor topic = 'none';
            static accessor count = 1;
            accessor #secret = 5;
            accessor [key()] = 7;
            accessor run = () => 1;
            declare typed: string;
            get both() { return (this.#secret += 1); }
        }
        class Inner extends Room {}
        const room = new Room();
        room.topic += '!';
        Inner.count += 1;
        console.log(room.topic, Room.count, Inner.count, room.both, (room as any).computed, room.run.name, Object.keys(room).length);";
    logs(&[("app.ts", &handler(text))], &["key", "none! 2 2 6 7 run 0"]);
}

#[test]
fn static_accessors_are_those_of_the_class_however_decorators_replace_it() {
    let text = "
        const extended: any = (Class: any) => class extends Class {};
        @extended
        class Room { static accessor count = 1; static #open = 2; static get open() { return Room.#open; } }
        Room.count += 1;
        console.log(Room.count, Room.open);";
    logs(&[("app.ts", &handler(text))], &["2 2"]);
}

#[test]
fn parameters_are_decorated_with_a_setting_only() {
    let found = check(&[(
        "app.ts",
        &handler(
            "class A { method(@dec a: string) {} constructor(@dec private b: string) {} }\nconst dec: any = 1;",
        ),
    )]);
    let message =
        "a parameter can have a decorator only with `experimentalDecorators` in tsconfig.json";
    assert_eq!(
        lines(&found),
        [format!("ZTS002 app.ts:1:18 {message}"), format!("ZTS002 app.ts:1:49 {message}")]
    );
}

#[test]
fn what_a_decorated_class_throws_is_found_in_its_source() {
    let text = "
const dec = (value: any, _: any) => value;
@dec
class Room {
    @dec accessor size = 1;
    @dec open() {
        throw new Error('closed');
    }
}
new Room().open();";
    let found = lines(&report_of_build(&[("app.ts", &handler(text))]));
    assert_eq!(found, ["ZTS341 app.ts:7:19 top-level code fails: Error: closed"]);
}
