import { questionsPaths } from '../../contracts/questions.js';
import type { EndQuestionsInput, QuestionsState } from '../../contracts/questions.js';
import type { Ref } from '../../contracts/references.js';
import { correctLabel, firstVerdicts } from '../../labelling/audit/correct.js';
import { questionsEnded } from '../../labelling/questions.js';
import type { Store } from '../../store/index.js';
import { readLog } from '../audit/books.js';
import { storeCorrected } from '../audit/corrected.js';
import { readManifest } from '../inputs.js';

/** Writes what people said into the labels, and keeps how the questions ended: their workflow is forgotten some time. */
export async function endQuestions(
  { asked, state, stopped }: EndQuestionsInput,
  store: Store,
): Promise<QuestionsState> {
  const { dataset, run } = asked.source;
  const written = state.refs.log && (await withAnswers(store, dataset, asked.labels, state.refs.log));
  const ended: QuestionsState = {
    ...state,
    refs: { ...state.refs, labels: written?.labels ?? asked.labels },
    words: questionsEnded(state, stopped),
    ...(written ? { pool: written.pool } : {}),
  };
  // Where nothing was asked, nothing was opened, and the number stays free.
  if (state.answered + state.left > 0) await store.putPointer(questionsPaths.ended(run, asked.number), ended);
  return ended;
}

/** Labels with what people said in them: theirs, or open where they could not tell. */
export async function withAnswers(store: Store, dataset: Ref, labels: Ref, log: Ref) {
  const { classes } = await readManifest(store, dataset);
  const said = firstVerdicts(await readLog(store, log));
  return storeCorrected(store, labels, (row) => correctLabel(row, said.get(row.id), null, null, classes));
}
