// Starts aws-lambda-ric 3 as AWS's own entry does: the handler comes from the environment, after any preload has had its say.
const { run } = await import(`${process.argv[2]}/dist/index.mjs`)
await run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER)
