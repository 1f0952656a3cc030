import { mysql2Integration } from "../../integrations/mysql2.ts"
import { tracedByInWorker } from "./traced-by.ts"

/** What `antifreeze/mysql2` is in a Worker, for mysql2 from 3.20; its types are those of Node. */
export const traced: <T extends object>(target: T) => T = tracedByInWorker(mysql2Integration)
