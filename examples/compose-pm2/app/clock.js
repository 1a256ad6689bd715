setInterval(() => console.log(`it is ${new Date().toISOString()}`), 10_000);
