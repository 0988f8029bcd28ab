import { layout, type Task } from "./layout";

self.onmessage = (event: MessageEvent<Task>) => self.postMessage(layout(event.data));
