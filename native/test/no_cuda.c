/* A library without a single call of the CUDA driver; for tests. */
int fakeCudaNothing(void) {
  return 0;
}
