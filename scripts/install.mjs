// The package's install script: builds the native addon where the tools for it are there. It never
// fails and never goes to the network; what it leaves undone, set-up does, or names.
import { addonStep } from './setup/build.mjs';
import { createContext } from './setup/context.mjs';

const context = createContext(['--no-packages']);
try {
  if (!(await addonStep.state(context)).done) await addonStep.run(context);
} catch (error) {
  const [reason] = error.message.split('\n');
  console.log(
    `lungcls-fast: the native addon was not built (${reason}). To build it: ${context.command()}`,
  );
}
