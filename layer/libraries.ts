// What patches libraries that publish no tracing channel: loaded when the function loads one of them.
export { traced as pg } from "../src/pg.ts"
export { traced as postgres } from "../src/postgres.ts"
