/** An element of a JSON array, as text. */
export interface JsonElement {
  text: string;
  /** From 1. */
  number: number;
}

const SPACE = /^[\s\uFEFF]*$/;

/**
 * The elements of a JSON array that is too large for memory, one after the other. What is inside an element is checked by
 * whoever parses it.
 *
 * @param pieces the file's text, cut anywhere
 * @throws SyntaxError where the text is no array of elements
 */
export async function* elementsOf(pieces: AsyncIterable<string>): AsyncGenerator<JsonElement> {
  let state: 'before' | 'inside' | 'after' = 'before';
  let depth = 0;
  let quoted = false;
  let escaped = false;
  let text = '';
  let number = 0;
  const close = (): JsonElement | null => (SPACE.test(text) ? null : { text, number: ++number });
  for await (const piece of pieces) {
    // Where what has not been copied into `text` yet begins.
    let from = 0;
    for (let i = 0; i < piece.length; i++) {
      const character = piece[i] as string;
      if (state === 'inside' && quoted) {
        if (escaped) escaped = false;
        else if (character === '\\') escaped = true;
        else if (character === '"') quoted = false;
      } else if (state !== 'inside') {
        if (SPACE.test(character)) continue;
        if (state === 'after' || character !== '[')
          throw new SyntaxError(`'${character}' is where an array must ${state === 'after' ? 'have ended' : 'begin'}`);
        state = 'inside';
        from = i + 1;
      } else if (character === '"') quoted = true;
      else if (character === '{' || character === '[') depth++;
      else if (character === '}' || (character === ']' && depth > 0)) depth--;
      else if (character === ']' || (character === ',' && depth === 0)) {
        text += piece.slice(from, i);
        const element = close();
        // An empty array and a comma before its end are the only places without an element.
        if (element) yield element;
        else if (character === ',') throw new SyntaxError(`nothing stands before comma ${number + 1}`);
        text = '';
        from = i + 1;
        if (character === ']') state = 'after';
      }
    }
    if (state === 'inside') text += piece.slice(from);
  }
  if (state === 'before') throw new SyntaxError('it is empty');
  if (state === 'inside') throw new SyntaxError('it ends in the middle of the array');
}
