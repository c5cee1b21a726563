/** All ways to have `wrong` of `size` labels wrong, as flags in draw order: C(size, wrong) of them, equally likely. */
export function* arrangements(size: number, wrong: number): Generator<boolean[]> {
  if (wrong < 0 || wrong > size) return;
  if (size === 0) {
    yield [];
    return;
  }
  for (const rest of arrangements(size - 1, wrong)) yield [false, ...rest];
  for (const rest of arrangements(size - 1, wrong - 1)) yield [true, ...rest];
}
