// EventTarget, Event and CustomEvent (https://dom.spec.whatwg.org/#events), with which packages tell their
// own parts something. There is no tree: an event visits its target alone.
(function (_native, internals) {
  "use strict";

  const NONE = 0, AT_TARGET = 2;

  const { brands, dictionary, expose, isObject, requireArguments } = internals;

  // Set by the static block of Event: makes one that no code has made, and runs listeners with one.
  let makeTrusted, dispatch;
  // An own property of each event (`[LegacyUnforgeable]`).
  let isTrusted;

  class Event {
    #type;
    #bubbles;
    #cancelable;
    #composed;
    #target = null;
    #currentTarget = null;
    #isCanceled = false;
    #isStopped = false;
    #isStoppedAtOnce = false;
    #isInPassive = false;
    #isDispatched = false;
    #isTrusted = false;
    #timeStamp = Date.now();

    static {
      makeTrusted = (type) => {
        const event = new Event(type);
        event.#isTrusted = true;
        return event;
      };
      const getter = {
        get isTrusted() {
          return this.#isTrusted;
        },
      };
      isTrusted = { get: Object.getOwnPropertyDescriptor(getter, "isTrusted").get, enumerable: true };
      dispatch = (event, target, listeners) => {
        if (event.#isDispatched) {
          throw new DOMException("dispatchEvent: the event is being dispatched", "InvalidStateError");
        }
        event.#isDispatched = true;
        event.#target = event.#currentTarget = target;
        // Capturing ones run first, at the target too. One that is added meanwhile does not run with its
        // kind.
        for (const capture of [true, false]) {
          if (event.#isStopped) break;
          for (const listener of listeners().filter((it) => it.capture === capture)) {
            if (event.#isStoppedAtOnce) break;
            if (listener.isRemoved || listener.type !== event.#type) continue;
            if (listener.once) listener.remove();
            event.#isInPassive = listener.passive;
            call(listener.callback, event, target);
            event.#isInPassive = false;
          }
        }
        event.#isDispatched = event.#isStopped = event.#isStoppedAtOnce = false;
        event.#currentTarget = null;
        return !event.#isCanceled;
      };
      brands.push((value) => #type in value);
    }

    constructor(type, init = undefined) {
      requireArguments(arguments.length, 1, "Event");
      this.#type = `${type}`;
      const { bubbles, cancelable, composed } = dictionary(init, "Event");
      this.#bubbles = Boolean(bubbles);
      this.#cancelable = Boolean(cancelable);
      this.#composed = Boolean(composed);
      Object.defineProperty(this, "isTrusted", isTrusted);
    }

    get type() {
      return this.#type;
    }

    get target() {
      return this.#target;
    }

    get srcElement() {
      return this.#target;
    }

    get currentTarget() {
      return this.#currentTarget;
    }

    composedPath() {
      return this.#currentTarget === null ? [] : [this.#currentTarget];
    }

    get eventPhase() {
      return this.#isDispatched ? AT_TARGET : NONE;
    }

    stopPropagation() {
      this.#isStopped = true;
    }

    get cancelBubble() {
      return this.#isStopped;
    }

    set cancelBubble(value) {
      if (value) this.#isStopped = true;
    }

    stopImmediatePropagation() {
      this.#isStopped = this.#isStoppedAtOnce = true;
    }

    get bubbles() {
      return this.#bubbles;
    }

    get cancelable() {
      return this.#cancelable;
    }

    get returnValue() {
      return !this.#isCanceled;
    }

    set returnValue(value) {
      if (!value) this.preventDefault();
    }

    preventDefault() {
      if (this.#cancelable && !this.#isInPassive) this.#isCanceled = true;
    }

    get defaultPrevented() {
      return this.#isCanceled;
    }

    get composed() {
      return this.#composed;
    }

    get timeStamp() {
      return this.#timeStamp;
    }

    initEvent(type, bubbles = false, cancelable = false) {
      requireArguments(arguments.length, 1, "Event.initEvent");
      if (this.#isDispatched) return;
      this.#type = `${type}`;
      this.#bubbles = Boolean(bubbles);
      this.#cancelable = Boolean(cancelable);
      this.#isCanceled = this.#isStopped = this.#isStoppedAtOnce = this.#isTrusted = false;
      this.#target = null;
    }
  }
  for (const [value, name] of ["NONE", "CAPTURING_PHASE", "AT_TARGET", "BUBBLING_PHASE"].entries()) {
    for (const object of [Event, Event.prototype]) {
      Object.defineProperty(object, name, { value, enumerable: true });
    }
  }

  class CustomEvent extends Event {
    #detail;

    constructor(type, init = undefined) {
      requireArguments(arguments.length, 1, "CustomEvent");
      super(type, init);
      const { detail } = dictionary(init, "CustomEvent");
      this.#detail = detail === undefined ? null : detail;
    }

    get detail() {
      return this.#detail;
    }
  }

  // What a listener throws stops neither the others nor the dispatch. Nobody catches it, so it fails the event
  // of the handler, as a rejection that nobody handles does.
  const call = (callback, event, target) => {
    try {
      if (typeof callback === "function") {
        callback.call(target, event);
        return;
      }
      const { handleEvent } = callback;
      if (typeof handleEvent !== "function") throw new TypeError("handleEvent of a listener is no function");
      handleEvent.call(callback, event);
    } catch (error) {
      Promise.reject(error);
    }
  };

  const isCapturing = (options) => Boolean(isObject(options) ? options.capture : options);

  class EventTarget {
    // In the order in which they were added.
    #listeners = [];
    // Called whenever one is added.
    #whenListened = null;

    static {
      internals.dispatchTrusted = (target, type) => {
        dispatch(makeTrusted(type), target, () => target.#listeners);
      };
      internals.whenListened = (target, callback) => {
        target.#whenListened = callback;
      };
      brands.push((value) => #listeners in value);
    }

    addEventListener(type, callback, options = undefined) {
      requireArguments(arguments.length, 2, "EventTarget.addEventListener");
      type = `${type}`;
      const capture = isCapturing(options);
      const { once, passive, signal } = isObject(options) ? options : {};
      if (signal !== undefined) internals.requireSignal(signal, "EventTarget.addEventListener");
      if (callback === null || callback === undefined) return;
      if (!isObject(callback)) {
        throw new TypeError("EventTarget.addEventListener: the listener must be a function or an object");
      }
      if (signal?.aborted || this.#find(type, callback, capture) !== undefined) return;
      const listener = {
        type,
        callback,
        capture,
        once: Boolean(once),
        passive: Boolean(passive),
        isRemoved: false,
        remove: () => {
          listener.isRemoved = true;
          this.#listeners = this.#listeners.filter((it) => it !== listener);
        },
      };
      this.#listeners.push(listener);
      this.#whenListened?.();
      if (signal !== undefined) {
        internals.whenAborted(signal, listener.remove);
        internals.runTimeout(signal);
      }
    }

    removeEventListener(type, callback, options = undefined) {
      requireArguments(arguments.length, 2, "EventTarget.removeEventListener");
      this.#find(`${type}`, callback, isCapturing(options))?.remove();
    }

    dispatchEvent(event) {
      requireArguments(arguments.length, 1, "EventTarget.dispatchEvent");
      if (!(event instanceof Event)) throw new TypeError("EventTarget.dispatchEvent needs an Event");
      return dispatch(event, this, () => this.#listeners);
    }

    #find(type, callback, capture) {
      return this.#listeners.find((it) =>
        it.type === type && it.callback === callback && it.capture === capture
      );
    }
  }

  expose(EventTarget, "EventTarget");
  expose(Event, "Event", ({ type }) => ({ type }));
  expose(CustomEvent, "CustomEvent", ({ type, detail }) => ({ type, detail }));
})
