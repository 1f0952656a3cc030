/** How a family of databases writes what is no code: quotes, escapes, comments. Tokens of its own (see TOKEN), if it is seldom used. */
export type Dialect = "mysql" | "postgresql" | RegExp

export interface Statement {
  /** The text without a single literal or comment; lists of literals are folded. */
  readonly text: string
  /** Operations and their targets, in the order of the text: `INSERT orders SELECT carts`. At most 255 characters. */
  readonly summary: string
  /** The operation, where there is one alone. */
  readonly operation: string | undefined
  /** The table, where there is one alone. */
  readonly collection: string | undefined
}

/**
 * One token, sticky: [1] blank or comment, [2] literal, [3] name; else a parameter or one character of an operator. Quotes that
 * nobody closes reach to the end of the text.
 */
const TOKEN: Record<Extract<Dialect, string>, RegExp> = {
  // "--" is a comment only before a blank; the code within /*! … */ is run.
  mysql:
    /(\s+|#[^\n]*|--(?=\s|$)[^\n]*|\/\*M?!\d*|\*\/|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^'\\]|\\[\s\S]?|'')*(?:'|$)|"(?:[^"\\]|\\[\s\S]?|"")*(?:"|$)|\.?\d[\w.]*(?:(?<=e)[+-]\d+)?)|([a-z_$\u0080-\uffff][\w$\u0080-\uffff]*|`(?:[^`]|``)*`)|`[\s\S]*|[@:][@a-z_][\w.$]*|[\s\S]/giy,
  // Block comments nest and bodies end with their own tag: `beyond` looks for those ends.
  postgresql:
    /(\s+|--[^\n\r]*|\/\*)|(e'(?:[^'\\]|\\[\s\S]?|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|\.?\d[\w.]*(?:(?<=e)[+-]\d+)?)|([a-z_\u0080-\uffff][\w$\u0080-\uffff]*|"(?:[^"]|"")*")|"[\s\S]*|\$\d+|:?:[a-z_]\w*|[\s\S]/giy,
}

/** Longer texts are cut before they are read: a tag would not hold them. */
const LONGEST = 8000
/** What is kept, in characters of SQL, where each text counts for so many more. */
const ROOM = 400_000
const EACH = 1000
/** By dialect: a text that is looked up as it came, most often a constant, has its hash already. */
const caches = new Map<Dialect, Map<string, Statement>>()
let room = ROOM

/** Takes the literals out of an SQL text, and says what it does. What cannot be told apart for certain is left out. */
export function readSql(sql: string, dialect: Dialect): Statement {
  return caches.get(dialect)?.get(sql) ?? keep(sql, dialect, parse(sql, dialect))
}

function keep(sql: string, dialect: Dialect, statement: Statement): Statement {
  // Full of literals, and never the same.
  if (sql.length > LONGEST) return statement
  room -= EACH + sql.length
  if (room < 0) {
    caches.clear()
    room = ROOM
  }
  const cache = caches.get(dialect) ?? new Map<string, Statement>()
  caches.set(dialect, cache.set(sql, statement))
  return statement
}

function parse(sql: string, dialect: Dialect): Statement {
  const text = sql.slice(0, LONGEST)
  const outline = new Outline()
  const token = typeof dialect === "string" ? TOKEN[dialect] : dialect
  let out = ""
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at
    const [all = "", blank, literal, name] = token.exec(text) ?? []
    if (blank !== undefined) {
      if (dialect !== "mysql" && blank === "/*") token.lastIndex = afterComment(text, at)
      if (!out.endsWith(" ")) out += " "
    } else if (literal !== undefined) {
      if (dialect === "postgresql" && literal.startsWith("$")) token.lastIndex = beyond(text, literal, token.lastIndex)
      out += "?"
      outline.sign("?")
      // With standard_conforming_strings off, a backslash escapes the quote: the string could end elsewhere.
      if (dialect === "postgresql" && literal.startsWith("'") && literal.includes("\\'")) break
    } else if (all.length > 1 && /^["`[]/.test(all) && name === undefined) {
      out += "?"
    } else {
      out += all
      if (name === undefined) outline.sign(all)
      else outline.name(name)
    }
  }
  return outline.of(fold(out.trim()))
}

/** PostgreSQL manual, 4.1.5, and Transact-SQL reference, "Slash Star": block comments nest. */
function afterComment(text: string, from: number): number {
  const edge = /\/\*|\*\//g
  edge.lastIndex = from
  let depth = 0
  for (let found = edge.exec(text); found !== null; found = edge.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1
    if (depth === 0) return edge.lastIndex
  }
  return text.length
}

function beyond(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from)
  return at < 0 ? text.length : at + end.length
}

/** `in (?, ?, ?)` becomes `in (?)`, and the rows of an insert become one. */
function fold(text: string): string {
  return text.replace(/\( ?(\?|\$\d+)(?: ?, ?(?:\?|\$\d+))+ ?\)/g, "($1)").replace(/(\([^()]*\))(?: ?, ?\1)+/g, "$1")
}

const words = (list: string): Set<string> => new Set(list.split(" "))
const NOISE = words("INTO ONLY IF NOT EXISTS LATERAL TABLE IGNORE LOW_PRIORITY HIGH_PRIORITY DELAYED QUICK CONCURRENTLY")
const NO_UPDATE = words("FOR KEY DO ON THEN OR BEFORE AFTER")
const ENDS_LIST = words("WHERE SET ON GROUP ORDER HAVING LIMIT WINDOW UNION EXCEPT INTERSECT RETURNING VALUES FOR FETCH OFFSET")
const OBJECTS = words("TABLE VIEW INDEX DATABASE SCHEMA SEQUENCE FUNCTION PROCEDURE TRIGGER TYPE USER ROLE EXTENSION")
const NAMES_TARGET = words("CALL EXEC EXECUTE TRUNCATE COPY TABLE REPLACE LISTEN NOTIFY USE FETCH")

/** Follows the names of a text and keeps what it does, to which tables (semantic conventions 1.44, `db.query.summary`). */
class Outline {
  readonly #parts: string[] = []
  #operations = 0
  #targets = 0
  #start = true
  #previous = ""
  /** What the next name is: nothing of note, a target, more of the target, or the kind of thing that is created. */
  #next: "" | "target" | "more" | "object" = ""
  #inTarget = false
  #function = false
  /** One for each open parenthesis: whether a query goes on in it, and whether that is at its list of tables. */
  #frames: { query: boolean; list: boolean }[] = []
  #frame = { query: false, list: false }

  name(raw: string): void {
    const quoted = /^["`[]/.test(raw)
    const upper = quoted ? "" : raw.toUpperCase()
    const previous = this.#previous
    this.#previous = upper
    if (this.#next === "more") {
      this.#parts.push(`${this.#parts.pop()}.${quoted ? raw.slice(1, -1) : raw}`)
      this.#next = ""
      return
    }
    this.#inTarget = false
    const isStart = this.#start
    this.#start = false
    if (
      upper === "SELECT" ||
      ((upper === "INSERT" || upper === "UPDATE" || upper === "DELETE" || upper === "MERGE") && !NO_UPDATE.has(previous))
    ) {
      this.#operation(raw)
      this.#frame.query = true
      this.#frame.list = false
      this.#expect(upper !== "SELECT" && upper !== "DELETE", false)
    } else if (upper === "WITH" && isStart) this.#next = ""
    else if (isStart) {
      this.#operation(raw)
      this.#next = upper === "CREATE" || upper === "DROP" || upper === "ALTER" ? "object" : NAMES_TARGET.has(upper) ? "target" : ""
    } else if (this.#next === "object") {
      if (!OBJECTS.has(upper)) return
      this.#parts.push(`${this.#parts.pop()} ${raw}`)
      this.#expect(true, false)
    } else if (upper === "JOIN" || (this.#frame.query && upper === "FROM" && previous !== "DISTINCT")) {
      this.#frame.list = upper === "FROM"
      this.#expect(true, true)
    } else if (upper === "INTO" || (upper === "USING" && this.#frame.query)) this.#expect(true, false)
    else if (this.#next === "target") {
      if (!NOISE.has(upper)) this.#target(quoted ? raw.slice(1, -1) : raw)
    } else if (ENDS_LIST.has(upper)) this.#frame.list = false
  }

  sign(sign: string): void {
    if (sign === "." && this.#inTarget) {
      this.#next = "more"
      return
    }
    if (sign === "(") {
      // A function that gives rows is no table.
      if (this.#inTarget && this.#function) {
        this.#parts.pop()
        this.#targets--
      }
      this.#frames.push(this.#frame)
      this.#frame = { query: false, list: false }
    } else if (sign === ")") this.#frame = this.#frames.pop() ?? this.#frame
    else if (sign === ";") {
      this.#start = true
      this.#frame = { query: false, list: false }
    }
    this.#next = ""
    this.#inTarget = false
    if (sign === "," && this.#frame.list) this.#expect(true, true)
  }

  of(text: string): Statement {
    let summary = ""
    for (const part of this.#parts) if (summary.length + part.length < 255) summary += summary === "" ? part : ` ${part}`
    const single = this.#operations === 1
    return {
      text,
      summary,
      operation: single ? this.#parts[0] : undefined,
      collection: single && this.#targets === 1 ? this.#parts[1] : undefined,
    }
  }

  #operation(name: string): void {
    this.#operations++
    this.#parts.push(name)
    this.#next = ""
  }

  #expect(target: boolean, maybeFunction: boolean): void {
    this.#next = target ? "target" : ""
    this.#function = maybeFunction
  }

  #target(name: string): void {
    this.#next = ""
    this.#inTarget = true
    this.#targets++
    this.#parts.push(name)
  }
}
