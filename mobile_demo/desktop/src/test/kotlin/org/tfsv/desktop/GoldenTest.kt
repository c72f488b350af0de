package org.tfsv.desktop

import org.junit.Test
import org.tfsv.core.selftest.SelfTest

class GoldenTest {
    @Test
    fun t() {
        for (l in SelfTest.run(Places.goldenSource, LiteRtFactory(Places.liteRt!!))) {
            println("${l.check} ${l.model} ${l.subject} ${l.passed} ${l.result?.identical} ${l.result?.difference} ${l.milliseconds} ${l.error}")
        }
    }
}
