import { pgIntegration } from "../../integrations/pg.ts"
import { tracedByInWorker } from "./traced-by.ts"

/** What `antifreeze/pg` is in a Worker; its types are those of Node. */
export const traced: <T extends object>(target: T) => T = tracedByInWorker(pgIntegration)
