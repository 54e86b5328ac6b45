// What a test leaves behind is cleaned up in order, all of it, whatever goes wrong on the way: t.after alone stops
// at the first hook that throws.
const pending = new WeakMap();

export function atEnd(t, act) {
  const acts = pending.get(t);
  if (acts) {
    acts.push(act);
    return;
  }
  pending.set(t, [act]);
  t.after(async () => {
    const errors = [];
    for (const each of pending.get(t)) {
      try {
        await each();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  });
}
