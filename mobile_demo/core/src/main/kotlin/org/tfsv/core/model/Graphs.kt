package org.tfsv.core.model

/** The graph of a model; what it must be is for [GraphRules] to say. */
internal object Graphs {
    /** The only graph of a model. */
    fun only(model: Table): Table {
        val graphs = model.tables(Schema.MODEL_GRAPHS)
        if (graphs.size != 1) throw Damaged("a model of ${graphs.size} graphs")
        return graphs[0]
    }
}
