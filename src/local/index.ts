export const up = () => Promise.reject(new Error('x')); export const down = up; export const status = up; export const doctor = up; export const provision = up;
