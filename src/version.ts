/** Written by the build from package.json. */
declare const ANTIFREEZE_VERSION: string

export const VERSION: string = typeof ANTIFREEZE_VERSION === "string" ? ANTIFREEZE_VERSION : "0.0.0-source"
