import { describe, expect, it } from "vitest"
import { readSql as readDialect, type Statement } from "../../src/integrations/_sql.ts"
import { TRANSACT_SQL } from "../../src/integrations/mssql.ts"

type Dialect = "mssql" | "mysql" | "postgresql"

function readSql(sql: string, dialect: Dialect): Statement {
  return readDialect(sql, dialect === "mssql" ? TRANSACT_SQL : dialect)
}

const SECRET = "s3cr3t"

/** A generator that gives the same numbers in every run (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

// What a literal may hold: everything that ends, begins or escapes something elsewhere.
const WITHIN = [
  SECRET,
  "''",
  '"',
  "`",
  "--",
  "/*",
  "*/",
  "#",
  ";",
  "$$",
  "$x$",
  "(",
  ")",
  "\n",
  "\r\n",
  "é",
  "\u2028",
  "🎈",
  "?",
  ":p",
  "@v",
  "0x",
  "E",
  " ",
]
const LITERALS: Record<Dialect, ((pick: () => string) => string)[]> = {
  mssql: [
    (pick) => `'${pick()}'`,
    (pick) => `N'${pick()}\\'`,
    (pick) => `"${pick().replaceAll('"', '""')}"`,
    (pick) => `[it's]]'] = '${pick()}'`,
    (pick) => `/* /* ${pick().replaceAll("*/", "* /").replaceAll("/*", "/ *")} */ ${SECRET} */`,
    (pick) => `-- ${pick().replaceAll(/[\r\n]/g, " ")}\n`,
    () => `0x${Buffer.from(SECRET).toString("hex")}`,
    () => "$733363.5",
    () => "€ -733363",
  ],
  mysql: [
    (pick) => `'${pick()}'`,
    (pick) => `'${pick().replaceAll("''", "\\'")}\\\\'`,
    (pick) => `"${pick().replaceAll('"', '""').replaceAll("''", "'")}"`,
    (pick) => `"\\"${pick().replaceAll('"', '\\"')}"`,
    (pick) => `_utf8mb4'${pick()}'`,
    (pick) => `/* ${pick().replaceAll("*/", "* /")} */`,
    (pick) => `# ${pick().replaceAll("\n", " ")}\n`,
    (pick) => `-- ${pick().replaceAll("\n", " ")}\n`,
    (pick) => `/*!50001 '${pick()}' */`,
    () => `0x${Buffer.from(SECRET).toString("hex")}`,
  ],
  postgresql: [
    (pick) => `'${pick()}'`,
    (pick) => `E'\\'${pick()}\\\\'`,
    (pick) => `e'${pick()}\\''`,
    (pick) => `U&'${pick()}'`,
    (pick) => `$$${pick().replaceAll("$$", "").replaceAll("$$", "")}$$`,
    (pick) => `$x$${pick().replaceAll("$x$", "$y$")}$x$`,
    (pick) => `$Été$${pick()}$Été$`,
    (pick) => `/* /* ${pick().replaceAll("*/", "* /").replaceAll("/*", "/ *")} */ ${SECRET} */`,
    (pick) => `-- ${pick().replaceAll(/[\r\n]/g, " ")}\n`,
    (pick) => `'a'\n'${pick()}'`,
  ],
}
const CODE = [
  "select",
  " from t ",
  "a.b",
  " , ",
  "(",
  ")",
  "[1:2]",
  " ->> ",
  "::jsonb",
  " @> ",
  "=",
  "-",
  "--\n",
  " and ",
  "$1",
  "?",
  " ?| ",
  "count(*)",
  ";",
  "\n",
  "1.5e-3",
  "5",
  ".5",
]

describe("no literal gets through", () => {
  it.each(["mssql", "mysql", "postgresql"] as const)("in 40,000 random texts of %s", (dialect) => {
    const random = numbers(7)
    const from = <T>(list: readonly T[]): T => list[random(list.length)] as T
    const pick = () => Array.from({ length: 1 + random(4) }, () => from(WITHIN)).join("") + SECRET
    for (let run = 0; run < 40_000; run++) {
      const parts = Array.from({ length: 1 + random(8) }, () => ` ${random(3) === 0 ? from(LITERALS[dialect])(pick) : from(CODE)} `)
      const sql = parts.join("").slice(0, random(10) === 0 ? random(60) : undefined)
      const { text, summary } = readSql(sql, dialect)
      if (/s3cr3t|s3cr|733363/.test(text + summary)) expect(`${sql}\n=> ${text}`).toBe("free of secrets")
    }
  })

  it("in 40,000 texts of random characters, in no time", () => {
    const random = numbers(11)
    const characters = [..."'\"`\\$/*-# \n\rabeExX019.,;()[]:@?_é", "\u0000", "\ud83c"]
    const started = performance.now()
    for (let run = 0; run < 40_000; run++) {
      const sql = Array.from({ length: random(60) }, () => characters[random(characters.length)]).join("")
      for (const dialect of ["mssql", "mysql", "postgresql"] as const) {
        const { text } = readSql(sql, dialect)
        // A number is never part of what remains, but for parameters and the inside of names.
        const code = text.replace(
          { mssql: /\[(?:[^\]]|\]\])*\]|[\w#@$]*#[\w#@$]*/g, mysql: /`[^`]*`/g, postgresql: /"[^"]*"/g }[dialect],
          "",
        )
        if (/(?:^|[^\w$@:.\u0080-\uffff])[0-9]/.test(code)) expect(`${sql}\n=> ${text}`).toBe("free of numbers")
      }
    }
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it("in a text that is cut, or that nobody finished", () => {
    for (const dialect of ["mssql", "mysql", "postgresql"] as const) {
      for (const open of ["'", '"', "/* ", "-- ", "E'"])
        expect(readSql(`select ${open}${SECRET.repeat(3)}`, dialect).text).not.toContain(SECRET)
      expect(readSql(`select '${"x".repeat(1e6)}', '${SECRET}'`, dialect).text).toBe("select ?")
    }
    expect(readSql(`select $a$ ${SECRET} $b$ ${SECRET}`, "postgresql").text).toBe("select ?")
    // Where standard_conforming_strings is off, the string ends later than it seems.
    expect(readSql(`select 'a\\' ${SECRET}'`, "postgresql").text).toBe("select ?")
  })
})

describe("what remains is the statement", () => {
  it.each([
    ["postgresql", "SELECT * FROM users WHERE id = 5 AND name = 'x''y'", "SELECT * FROM users WHERE id = ? AND name = ?"],
    ["postgresql", "select a->>'k', b#>>'{1}', c ?| array['x','y'] from t", "select a->>?, b#>>?, c ?| array[?,?] from t"],
    [
      "postgresql",
      "select $1::int, t.x2 from t1 where a[1:2] = '{1}' and b = -.5",
      "select $1::int, t.x2 from t1 where a[?:?] = ? and b = -?",
    ],
    ["postgresql", "insert into t (a) values ($1,$2), ($3,$4)", "insert into t (a) values ($1), ($3)"],
    ["postgresql", 'select "odd "" name" from "T"', 'select "odd "" name" from "T"'],
    ["postgresql", "select 1_000, 0xFF, 1e-5, 1.5", "select ?, ?, ?, ?"],
    [
      "mssql",
      "select top 5 [it's], \"x\" from [dbo].[t]]x] where a = N'y' and b = $5",
      "select top ? [it's], ? from [dbo].[t]]x] where a = N? and b = ?",
    ],
    ["mssql", "update #t set a = @p, b = @@rowcount, c = 0xFF", "update #t set a = @p, b = @@rowcount, c = ?"],
    ["mysql", 'select * from `a``b` where x in (1, 2,3) and y = "z" limit 5', "select * from `a``b` where x in (?) and y = ? limit ?"],
    ["mysql", "insert into t values (1, 'a', default), (2, 'b', default)", "insert into t values (?, ?, default)"],
    ["mysql", "select 5--3, @v, @@global.x, x'00' # c", "select ?--?, @v, @@global.x, x?"],
    ["mysql", "create user 'u'@'h' identified by 'p'", "create user ?@? identified by ?"],
  ] as const)("%s: %s", (dialect, sql, text) => {
    expect(readSql(sql, dialect).text).toBe(text)
  })
})

it("reads a text of thousands of characters once, however often it is sent", () => {
  const sql = `select ${Array.from({ length: 300 }, (_, at) => `carts.column_${at}`).join(", ")} from carts`
  expect(readSql(sql, "postgresql")).toBe(readSql(sql, "postgresql"))
  for (let at = 0; at < 100; at++) readSql(`${sql} where id = $${at}`, "postgresql")
  expect(readSql(sql, "postgresql").summary).toBe("select carts")
})

describe("the summary names operations and their targets", () => {
  it.each([
    ["SELECT a, b FROM orders o, lines AS l JOIN items ON true WHERE x IN (SELECT y FROM z)", "SELECT orders lines items SELECT z"],
    ["with x as (select * from a) insert into b select * from x", "select a insert b select x"],
    ["select extract(year from ts), trim(both from s) from t where a is distinct from b for update", "select t"],
    ["INSERT INTO shop.orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2", "INSERT shop.orders"],
    ["update only t set a = 1 from u where u.id = t.id", "update t u"],
    ["delete from t using u where true", "delete t u"],
    ["merge into t using s on true when matched then update set a = 1 when not matched then insert values (1)", "merge t s"],
    ["select * from generate_series(1, 2) g, users", "select users"],
    ["create unique index concurrently if not exists i on t using btree (a)", "create index i"],
    ["CREATE TABLE IF NOT EXISTS shop.orders (id int references users on delete cascade)", "CREATE TABLE shop.orders"],
    ["drop table if exists t", "drop table t"],
    ["alter role joe password 'x'", "alter role joe"],
    ["begin; insert into t values (1); commit", "begin insert t commit"],
    ["truncate table only t", "truncate t"],
    ["copy t (a) from stdin", "copy t"],
    ["call refresh(1)", "call refresh"],
    ["explain analyze select * from t", "explain select t"],
    ["set search_path = x", "set"],
    ["listen jobs", "listen jobs"],
    ["(select 1) union (select a from b)", "select select b"],
    ["", ""],
  ])("%s", (sql, summary) => {
    expect(readSql(sql, "postgresql").summary).toBe(summary)
  })

  it("knows names in brackets", () => {
    expect(readSql("select * from [dbo].[carts] join other.dbo.[lines] on 1 = 1", "mssql").summary).toBe("select dbo.carts other.dbo.lines")
  })

  it("is never longer than 255 characters", () => {
    expect(
      readSql(`select * from ${Array.from({ length: 100 }, (_, at) => `table_${at}`).join(", ")}`, "mysql").summary.length,
    ).toBeLessThan(256)
  })

  it("names the one operation and the one table, not one of several", () => {
    expect(readSql("select * from t where a = 1", "mysql")).toMatchObject({ operation: "select", collection: "t" })
    expect(readSql("select * from t, u", "mysql")).toMatchObject({ operation: "select", collection: undefined })
    expect(readSql("begin; select * from t", "mysql")).toMatchObject({ operation: undefined, collection: undefined })
  })
})
