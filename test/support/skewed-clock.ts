/**
 * Loaded before a process of ours by `NODE_OPTIONS=--import=…`: its wall clock is wrong by as many milliseconds as `EVENTAGENT_TEST_SKEW_MS` says. Timers and the monotonic clock are
 * right, as they are on a machine whose clock is wrong.
 */
const { now } = Date;
const skewMs = Number(process.env.EVENTAGENT_TEST_SKEW_MS);
Date.now = () => now() + skewMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args: ConstructorParameters<DateConstructor> | [], asked) =>
    Reflect.construct(target, args.length === 0 ? [target.now()] : args, asked) as Date,
});

export {};
