import { describe, expect, it } from "@jest/globals";
import { chooseEngine, engineProblem } from "./engine-choice.js";

const fine = (): undefined => undefined;
const AUTO = { engine: "auto", compression: "off" } as const;

describe("the engine", () => {
  it("is ws by itself where the port speaks TLS, which lean cannot read", () => {
    const { engine, why } = chooseEngine({ ...AUTO, tlsCert: ["app.crt"] }, "20.19.0", fine);
    expect([engine, why]).toEqual(["ws", expect.stringContaining("tlsCert")]);
  });

  it.each(["20.19.0", "22.12.0", "24.1.0", "26.10.0"])("is lean by itself on Node.js %s", (version) => {
    expect(chooseEngine(AUTO, version, fine).engine).toBe("lean");
  });

  it.each(["21.0.0", "23.5.1", "25.0.0", "27.0.0-nightly", "28.1.0", "unknown"])(
    "is ws by itself on Node.js %s, which no test has run on",
    (version) => {
      const { engine, why } = chooseEngine(AUTO, version, fine);
      expect(engine).toBe("ws");
      expect(why).toContain(version);
    },
  );

  it("is ws by itself where handles are not what they were, and says so", () => {
    const problem = "Node.js writes to TCP in another way";
    expect(chooseEngine(AUTO, "20.19.0", () => problem)).toEqual({ engine: "ws", why: problem });
  });

  it.each(["lean", "ws"] as const)("is %s where the setting says so, on any Node.js", (setting) => {
    expect(chooseEngine({ engine: setting, compression: "shared" }, "99.0.0", () => "no").engine).toBe(
      setting,
    );
  });

  it("is lean on the Node.js that runs this test", () => {
    expect(chooseEngine(AUTO, process.versions.node).engine).toBe("lean");
  });

  it("is ws by itself where compression keeps context, and says so", () => {
    const wish = { engine: "auto", compression: "dedicated" } as const;
    const { engine, why } = chooseEngine(wish, "20.19.0", fine);
    expect(engine).toBe("ws");
    expect(why).toContain("`compression` is dedicated");
    expect(engineProblem(wish)).toBeUndefined();
    expect(engineProblem({ engine: "ws", compression: "dedicated" })).toBeUndefined();
  });

  it("is not lean where compression keeps context: that is refused, and says what to do", () => {
    expect(engineProblem({ engine: "lean", compression: "dedicated" })).toMatch(/set engine to ws or auto/);
    for (const compression of ["off", "shared"] as const)
      expect(engineProblem({ engine: "lean", compression })).toBeUndefined();
  });
});
