export { answerFormats, writeTasks, type AnswerFormat, type Task } from './write-tasks.js';
export { answerFormatOf, readAnswers, type FoundAnswer } from './read-answers.js';
export { checkAnswers, type CheckedAnswers, type CheckOptions, type Expected } from './check-answers.js';
export { labelStudioConfig } from './label-studio.js';
export { vocabularyOf, type Vocabulary } from './vocabulary.js';
export { writeTaskImages } from './task-images.js';
export { answerFileErrors } from './errors.js';
