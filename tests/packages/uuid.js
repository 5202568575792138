import { NIL, parse, stringify, v3, v4, v5, v7, validate, version } from "uuid";

export function handler() {
  return Response.json({
    v3: v3("hello.example.com", v3.DNS),
    v5: v5("hello.example.com", v5.DNS),
    versions: [v4(), v7()].map((id) => [validate(id), version(id)]),
    bytes: [...parse("6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b")],
    back: stringify(parse(NIL)),
  });
}
