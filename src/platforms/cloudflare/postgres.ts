import { byItsQueries, postgresIntegration } from "../../integrations/postgres.ts"
import { tracedByInWorker } from "./traced-by.ts"

/** What `antifreeze/postgres` is in a Worker; its types are those of Node. */
export const traced: <T extends object>(sql: T) => T = byItsQueries(tracedByInWorker(postgresIntegration))
