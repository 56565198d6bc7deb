import { Desk } from "./desk.js";

new Desk().start();
